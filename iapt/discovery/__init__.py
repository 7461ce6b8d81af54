"""Discovery: what the publisher's pages list, and the rows that the catalogue of publications lacks."""
