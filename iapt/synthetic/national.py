"""Monthly files of the real size for benchmarks: as many organisations and measures as the publisher's.

The core measures are those of the default demonstration. The others only fill the file: each shows some of the same
true counts under the publisher's name. So it adds up, and is rounded and hidden by the rule, but it means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from iapt.synthetic import geography, measures, months
from iapt.synthetic.allocation import draw_whole_numbers, make_random_stream
from iapt.synthetic.folder import Drop, make_month_drop
from iapt.synthetic.geography import Pair
from iapt.synthetic.measures import Measure
from iapt.synthetic.truth import MONTHLY_MONTHS, make_month_table

PROVIDERS = 150
PAIRS = 1075
_SMALL_WEIGHTS = (2, 3, 5, 8, 13, 21, 34, 55, 89, 144)

# The publisher's other core measures of 2025-26, as `id:name`.
_OTHERS = """
M002:Count_SelfReferrals M003:Count_GPReferrals M004:Count_HealthVisitorReferrals
M005:Count_OtherPrimaryCareReferrals M006:Count_CarerReferrals M007:Count_LAReferrals
M008:Count_EmployerReferrals M009:Count_JusticeSystemReferrals M010:Count_ChildHealthReferrals
M011:Count_IndependentVoluntaryReferrals M012:Count_SecondaryCareReferrals M013:Count_OtherMHReferrals
M014:Count_InternalReferrals M017:Count_OtherReferrals M019:Count_OpenReferralNoActivity60days
M020:Count_OpenReferralNoActivity61to90days M021:Count_OpenReferralNoActivity91to120days
M022:Count_OpenReferralNoActivityOver120days M028:Count_EndedBeforeAssessment
M029:Count_WaitingForAssessment M030:Count_WaitingForAssessmentOver90days M038:Count_WaitingForTreatment
M039:Count_WaitingForTreatment0to2weeks M040:Count_WaitingForTreatment0to4weeks
M041:Count_WaitingForTreatment0to6weeks M042:Count_WaitingForTreatment0to12weeks
M043:Count_WaitingForTreatment0to18weeks M044:Count_WaitingForTreatmentOver18weeks
M045:Count_WaitingForTreatmentOver90days M050:Mean_WaitFinishedCourseTreatment
M051:Median_WaitFinishedCourseTreatment M057:Count_EndedNotSuitable M058:Count_EndedSignposted
M059:Count_EndedMutualAgreement M060:Count_EndedReferredElsewhere M061:Count_EndedDeclined
M062:Count_EndedDeceasedAssessedOnly M063:Count_EndedUnknownAssessedOnly M066:Count_EndedCompleted
M069:Count_EndedDeceasedTreated M070:Count_EndedUnknownTreated M071:Count_EndedInvalid
M072:Count_EndedNoReasonRecorded M073:Count_EndedNotSeen M074:Count_EndedSeenNotTreated
M082:Count_Appointments M083:Count_ApptsCancelledPatient M084:Count_ApptsDNA
M085:Count_ApptsCancelledProvider M086:Count_ApptsAttended M087:Count_ApptsAttendedLate
M088:Count_ApptsLateNotSeen M089:Count_ApptsFinishedCourseTreatment M090:Count_GuideSelfHelpBookAppts
M091:Count_NonGuideSelfHelpBookAppts M092:Count_GuideSelfHelpCompAppts M093:Count_NonGuideSelfHelpCompAppts
M095:Count_StructPhysActAppts M097:Count_PsychoEducPeerSuppAppts M098:Count_OtherLIAppts
M099:Count_EmploySuppAppts M100:Count_AppRelaxAppts M1001:Count_FacetoFaceAppts M1002:Count_TelephoneAppts
M1004:Count_TalktypeAppts M1005:Count_EmailAppts M1006:Count_SMSAppts M1007:Count_InstantMessagingAppts
M1008:Count_ConsMediumOtherAppts M1009:Count_ConsMediumUnknownAppts M1014:Count_ApptsStaffQualified
M1015:Count_ApptsStaffInTraining M1016:Count_ApptsStaffNotQualifiedOrInTraining
M1017:Count_ApptsMissingQualificationsAndTraining M1018:Count_ConsMediumVideoConsultAppts
M1019:Count_ConsMediumMessageBoardAppts M102:Count_CoupleTherapyDepAppts M1020:Count_ConsMediumChatRoomAppts
M103:Count_CollabCareAppts M104:Count_CounselDepAppts M105:Count_BPDAppts M106:Count_EyeMoveDesenReproAppts
M107:Count_MindfulAppts M108:Count_OtherHIAppts M110:Count_CBTAppts M111:Count_IPTAppts M112:Mean_HISessions
M113:Mean_CBTSessions M114:Mean_BPDSessions M115:Mean_CounsellingSessions M116:Mean_IPTSession
M117:Mean_CouplesSessions M119:Mean_OtherHISessions M120:Mean_LiSessions
M141:Mean_ApptsFinishedCourseTreatment M142:Median_ApptsFinishedCourseTreatment
M196:Count_FirstADSMOrGADOnly M197:Count_NoADSMOrGAD M198:Count_PairedADSMOrGAD M199:Count_FirstPHQOnly
M200:Count_NoPHQ M201:Count_PairedPHQ M202:Count_PairedPHQAndADSMOrGAD M212:Count_WSASWPairedScores
M213:Mean_FirstWSASW M214:Median_FirstWSASW M215:Mean_LastWSASW M216:Median_LastWSASW
M217:Count_WSASHMPairedScores M218:Mean_FirstWSASHM M219:Median_FirstWSASHM M220:Mean_LastWSASHM
M221:Median_LastWSASHM M222:Count_WSASSLAPairedScores M223:Mean_FirstWSASSLA M224:Median_FirstWSASSLA
M225:Mean_LastWSASSLA M226:Median_LastWSASSLA M227:Count_WSASPLAPairedScores M228:Mean_FirstWSASPLA
M229:Median_FirstWSASPLA M230:Mean_LastWSASPLA M231:Median_LastWSASPLA M232:Count_WSASRPairedScores
M233:Mean_FirstWSASR M234:Median_FirstWSASR M235:Mean_LastWSASR M236:Median_LastWSASR
M271:Count_FirstIntegratedContact M272:Count_FirstIntegratedTreatment M273:Count_FinishedIntegratedReferrals
M274:Count_FinishedIntegratedReferralsCoreOnly M275:Count_IntegratedReferralsAtCaseness
M276:Count_IntegratedReferralsNotAtCaseness M277:Count_IntegratedReferralsRecovered
M278:Percentage_IntegratedReferralsRecovered M283:Count_IntegratedReferralsCoreOnlyAtCaseness
M284:Count_IntegratedReferralsCoreOnlyNotAtCaseness M285:Count_IntegratedReferralsCoreOnlyRecovered
M286:Percentage_IntegratedReferralsCoreOnlyRecovered M287:Count_MHDropInReferrals
M340:Count_EndedIncompleteAssessment M341:Count_EndedBeforePatientRequested M342:Count_EndedNotAssessed
M343:Count_InternetEnabledTherapySessions M344:Count_EndedBeforeCareProfessionalPlanned
M345:Count_MaternityServiceReferrals M346:Count_CommunitySignpostingAppts
M347:Mean_Wait_AssessmentDate_HighIntensityFirstDate M348:Mean_Wait_AssessmentDate_LowIntensityFirstDate
M349:Mean_Wait_StepDown_LastHighIntensity_FirstLowIntensity
M350:Mean_Wait_StepUp_LastLowIntensity_FirstHighIntensity M351:Mean_DaysWaitedBetweenTreatments
M352:Count_AssessmentDate_HighIntensityFirstDate M353:Count_AssessmentDate_LowIntensityFirstDate
M354:Count_StepDown_LastHighIntensity_FirstLowIntensity
M355:Count_StepUp_LastLowIntensity_FirstHighIntensity
"""
_ENDED_TREATED = ("ended_treated_once", "finished")
_ENDED = ("ended_before_treatment", *_ENDED_TREATED)
_FORMULAE = (
    ("M077", "Percentage_EndedBeforeTreatment", _ENDED[:1], _ENDED),
    ("M078", "Percentage_EndedTreatedOnce", _ENDED[1:2], _ENDED),
    ("M079", "Percentage_EndedFinishedCourseTreatment", _ENDED[2:], _ENDED),
    ("M080", "Percentage_EndedOneOrMoreTreatment", _ENDED_TREATED, _ENDED),
    ("M081", "Percentage_FinishedCourseTreatmentEndedOneOrMoreTreatment", _ENDED[2:], _ENDED_TREATED),
    ("M288", "Percentage_AccessAttrition", _ENDED[1:2], _ENDED_TREATED),
)
# What another figure of the file rests on, so that it is hidden where that figure is: the counts behind the two rates,
# and the counts of those a mean or a median is about.
_COUNTS = {
    **dict.fromkeys(("M273", "M274"), ("finished",)),
    **dict.fromkeys(("M276", "M284"), ("not_at_caseness",)),
    **dict.fromkeys(("M277", "M285"), ("recovery",)),
    **dict.fromkeys(("M212", "M217", "M222", "M227", "M232"), months.ACCESS_BANDS),
    **dict.fromkeys(("M352", "M353", "M354", "M355"), months.ACCESS_BANDS),
}
_OF_FINISHED = ("M050", "M051", "M141", "M142")


def _make_filler_measure(place: int, key: str, name: str) -> Measure:
    names = (("", name),)
    people = ("finished",) if key in _OF_FINISHED else months.ACCESS_BANDS
    if name.startswith("Percentage"):
        return Measure(key, "percentage", ("recovery",), ("recovery_base",), names)
    if name.startswith("Mean"):
        return Measure(key, "mean", ("wait_days",), people, names)
    if name.startswith("Median"):
        return Measure(key, "median", months.ACCESS_BANDS, people, names)
    counts = [count for count in months.COUNTS if count not in {"referrals", "wait_days"}]
    return Measure(key, "count", _COUNTS.get(key, (counts[place % len(counts)],)), (), names)


def list_national_measures() -> list[Measure]:
    """All core measures of 2025-26, in the publisher's order."""
    others = [_make_filler_measure(place, *item.split(":")) for place, item in enumerate(_OTHERS.split())]
    formulae = [Measure(key, "percentage", figure, base, (("", name),)) for key, name, figure, base in _FORMULAE]
    return sorted([*measures.MONTHLY, *formulae, *others], key=lambda measure: measure.key)


def make_national_pairs() -> list[Pair]:
    """Every sub-ICB location with one or two large providers of its own and several small ones."""
    random = make_random_stream("national")
    commissioners = sorted(code for icb in geography.ICBS.values() for code in icb.sub_icbs.split())
    weights: dict[tuple[str, str], int] = {}
    for place, commissioner in enumerate(commissioners):
        size = int(draw_whole_numbers(random, 400, 3400, (1,))[0])
        weights[commissioner, f"ZX{place % PROVIDERS + 1:03d}"] = size
        if place % 3 == 0:
            weights[commissioner, f"ZX{(place + 61) % PROVIDERS + 1:03d}"] = size // 4
    for place in range(PROVIDERS):
        weights.setdefault((commissioners[7 * place % len(commissioners)], f"ZX{place + 1:03d}"), 30)
    while len(weights) < PAIRS:
        commissioner = commissioners[int(draw_whole_numbers(random, 0, len(commissioners) - 1, (1,))[0])]
        provider = f"ZX{int(draw_whole_numbers(random, 1, PROVIDERS, (1,))[0]):03d}"
        weights.setdefault((commissioner, provider), _SMALL_WEIGHTS[len(weights) % len(_SMALL_WEIGHTS)])
    return [Pair(*key, weight) for key, weight in sorted(weights.items())]


def make_national_drops(count: int) -> Iterator[Drop]:
    """The latest months at national size, one after the other, so that memory holds only one."""
    if not 1 <= count <= len(MONTHLY_MONTHS):
        raise ValueError(f"expected 1 to {len(MONTHLY_MONTHS)} months, found {count}")
    shown, pairs = list_national_measures(), make_national_pairs()
    periods = MONTHLY_MONTHS[-count:]
    return (make_month_drop(period, make_month_table([period], pairs), shown) for period in periods)
