"""The table of what passed on which Asterisk is read from the test runner's own report."""

from collections import Counter

from tools.asterisks import CORE, ROOT, read, table

REPORT = """<testsuites><testsuite>
<testcase classname="tests.integration.test_a" name="one"/>
<testcase classname="tests.integration.test_a" name="two[x]"><failure>no</failure></testcase>
<testcase classname="tests.integration.test_b" name="three"><skipped/></testcase>
<testcase classname="tests.integration.test_b" name="four"><error>left behind</error></testcase>
</testsuite></testsuites>"""


def test_outcomes_are_counted_by_file_and_failures_named() -> None:
    counts, failed = read(REPORT)
    assert counts == {"test_a": Counter(passed=1, failed=1), "test_b": Counter(skipped=1, failed=1)}
    assert failed == ["test_a::two[x]", "test_b::four"]


def test_the_table_has_a_column_for_each_version_and_hides_no_file() -> None:
    lines = table({"16.28.0": {"test_a": Counter(passed=1, skipped=2)}, "22.10.1": {"test_b": Counter(failed=1)}})
    assert lines.splitlines() == [
        "| tests | 16.28.0 | 22.10.1 |",
        "| --- | --- | --- |",
        "| test_a | 1 passed, 2 skipped | - |",
        "| test_b | - | 1 failed |",
    ]


def test_the_core_is_made_of_tests_that_there_are() -> None:
    assert [name for name in CORE if not (ROOT / "tests" / "integration" / f"{name}.py").exists()] == []
