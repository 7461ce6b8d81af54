-- What became of those who finished a course: recovery, reliable improvement, reliable recovery, deterioration.
{{ topic_mart('outcomes') }}
