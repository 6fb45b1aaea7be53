from training.goals import goals


def calls(recall, false_per_hour):
    point = {"recall": recall, "caught": int(100 * recall), "episodes": 100, "delay_median_s": 1.9, "delay_p90_s": 7.0}
    names = ("at <= 6 an hour", "at <= 1, no loud joy", "at <= 2 an hour")
    shipped = {"quiet floor": {"recall": recall, "false_per_hour": false_per_hour}}
    return {"points": dict.fromkeys(names, point), "shipped": shipped, "within 6 s": recall}


def reached(told):
    return {row.measure: row.reached for row in goals(told)}


def test_a_goal_is_reached_by_both_ears_and_not_by_the_first():
    good, bad = calls(0.95, 1.0), calls(0.5, 9.0)
    assert all(reached({"calls": {"unseen": {"first ear": bad, "both ears": good}}}).values())
    found = reached({"calls": {"unseen": {"first ear": good, "both ears": bad}}})
    assert [name for name, good in found.items() if good] == ["unseen calls: delay at <= 6, median / 90 %"]


def test_a_rate_of_false_alerts_above_the_demand_is_a_failure_however_much_was_caught():
    told = {"calls": {"unseen": {"first ear": calls(0.9, 1.0), "both ears": calls(0.9, 1.6)}}}
    assert not reached(told)["unseen calls: quiet floor as shipped (false an hour)"]


def test_calm_speech_may_alert_as_often_as_the_demand_says():
    played = {"quiet floor": {"hours": 1.0, "alerts": 1}, "watchful": {"hours": 1.0, "alerts": 6}}
    found = reached({"calm, real phones": played})
    assert list(found.values()) == [True, False]


def test_a_point_that_no_threshold_reaches_is_no_success():
    none = calls(0.9, 1.0)
    none["points"] = dict.fromkeys(none["points"])
    found = reached({"calls": {title: {"first ear": none, "both ears": none} for title in ("hot start", "unseen")}})
    assert not found["unseen calls: caught at <= 6 an hour"]
    assert found["hot starts: quiet floor, caught within 6 s of the first word"]


def test_without_figures_there_are_no_rows():
    assert goals({}) == []
