import time

import numpy as np
import pytest

from skext.benchmark._engine.track import speed_cases
from skext.benchmark._speed.case import SpeedCase
from skext.benchmark._speed.measure import measure, run_speed, select_cases
from skext.exceptions import BenchmarkError

CASES = speed_cases()


def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def toy(check=lambda ours, peer, data: None, **options):
    return SpeedCase(
        name="toy",
        peer_name="sleepy",
        description="",
        make=lambda n: n,
        ours=lambda data, n_jobs: burn(0.004),
        peer=lambda data, n_jobs: burn(0.012),
        check=check,
        sizes={"small": (1,)},
        **options,
    )


def test_ratio_is_the_peers_time_over_ours():
    report = measure(toy(), "small", n_pairs=7)
    assert 2.0 < report.low <= report.ratio <= report.high < 4.5
    assert report.clock == "CPU"
    assert report.to_dict()["case"] == "toy"


def test_share_scales_the_peers_time_up():
    report = measure(toy(peer_share=lambda data: 0.5), "small", n_pairs=5)
    assert report.ratio > 4


def test_nothing_is_timed_unless_the_results_agree():
    def check(ours, peer, data):
        raise AssertionError("they differ")

    with pytest.raises(AssertionError, match="they differ"):
        measure(toy(check), "small")


def test_selection():
    assert [case.name for case in select_cases(["smote"])] == ["smote"]
    assert len(select_cases(["linear-nb*"])) >= 3
    here = [case for case in speed_cases().values() if case.missing() is None]
    assert select_cases([]) == here
    with pytest.raises(BenchmarkError, match="'smotte'.*'smote'"):
        select_cases(["smotte"])


@pytest.mark.parametrize("package", ["mapie", "mord", "pgmax", "skordinal"])
def test_a_peer_that_is_installed_has_a_case(package):
    pytest.importorskip(package)
    assert any(case.peer_name.startswith(package) for case in CASES.values())


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_case_agrees_with_its_peer(name):
    """The equality checks of the speed cases hold, on their smallest sizes."""
    case = CASES[name]
    if case.missing() is not None:
        pytest.skip(f"{name} {case.missing()}")
    size = next(iter(case.sizes.values()))
    if np.prod(size[:2]) > 1_000_000:
        size = (2000, 100, 20)
    data = case.make(*size)
    case.check(case.ours(data, 1), case.peer(data, 1), data)


def test_run_speed_leaves_out_sizes_that_a_case_lacks():
    reports = list(run_speed(["smote"], n_pairs=2, sizes=["small"]))
    assert [(r.case, r.size) for r in reports] == [("smote", "small")]
