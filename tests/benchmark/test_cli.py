import json
import os
import re
import subprocess
import sys

import pandas as pd
import pytest

from skext.benchmark._cli.main import main
from skext.benchmark._engine.track import TRACKS


@pytest.fixture
def run_dir(tmp_path, capsys):
    """A small finished run."""
    folder = tmp_path / "run"
    code = main(
        "bench run offline -t iris wine -m gaussian-nb lda logistic dummy --folds 3 "
        f"--backend sequential --progress none --out {folder}".split()
    )
    out = capsys.readouterr().out
    assert code == 0, out
    return folder, out


def fails(capsys, *argv):
    """Exit code 2 and one clear sentence on standard error, nothing else."""
    assert main(list(argv)) == 2
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert lines[-1].startswith("skext: error: ")
    assert "Traceback" not in captured.err
    return lines[-1]


def test_run_prints_tables_and_the_path_of_the_report(run_dir):
    folder, out = run_dir
    assert "classification: accuracy against logistic" in out
    assert "24 jobs ok" in out
    assert f"Report: {folder / 'report.html'}" in out
    assert (folder / "report.html").stat().st_size > 10_000
    story = json.loads((folder / "run.json").read_text())
    assert story["command"].startswith("skext bench run offline -t iris")
    assert story["suites"] == ["offline"]


def test_same_command_again_fits_nothing(run_dir, capsys):
    folder, _ = run_dir
    story = json.loads((folder / "run.json").read_text())
    assert main(["bench", "resume", str(folder)]) == 0
    assert "Nothing left to run" in capsys.readouterr().err or story["n_run"] == 24
    assert json.loads((folder / "run.json").read_text())["n_run"] == 0


@pytest.mark.parametrize("form", ["md", "csv", "latex"])
def test_report_in_other_formats(run_dir, capsys, form, tmp_path):
    folder, _ = run_dir
    assert main(["bench", "report", str(folder), "--format", form]) == 0
    text = capsys.readouterr().out
    assert "lda" in text
    target = tmp_path / f"report.{form}"
    call = ["bench", "report", str(folder), "--format", form, "-o", str(target)]
    assert main(call) == 0
    assert target.read_text().strip() == text.strip()


def test_report_with_another_metric_and_baseline(run_dir, capsys, tmp_path):
    folder, _ = run_dir
    call = ["bench", "report", str(folder), "--metric", "log_loss"]
    call += ["--baseline", "lda", "-o", str(tmp_path / "r.html")]
    assert main(call) == 0
    assert "log_loss" in (tmp_path / "r.html").read_text()


def test_compare(run_dir, capsys):
    folder, _ = run_dir
    assert main(["bench", "compare", str(folder), "lda", "gaussian-nb"]) == 0
    out = capsys.readouterr().out
    assert "lda" in out
    assert "gaussian-nb" in out


def test_score_adds_a_metric_without_fitting(run_dir, capsys):
    folder, _ = run_dir
    assert main(["bench", "score", str(folder), "--metrics", "brier", "f1"]) == 0
    assert "24 jobs scored" in capsys.readouterr().out
    sentence = fails(capsys, "bench", "score", str(folder), "--metrics", "rmse")
    assert "rmse is defined for a finished job" in sentence
    frame = pd.read_parquet(folder / "results.parquet")
    assert {"brier", "f1"} <= set(frame["metric"])
    assert frame["value"].notna().all()


@pytest.mark.parametrize("what", ["suites", "tasks", "methods", "metrics", "speed"])
def test_list(capsys, what):
    assert main(["bench", "list", what]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 3
    assert not any(line.endswith(" ") for line in lines)


def test_info_names_versions_and_threads(capsys):
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    for word in ("skext:", "scikit-learn:", "cores:", "NUMBA_NUM_THREADS:", "device:"):
        assert word in out


def test_dry_run_fits_nothing(tmp_path, capsys):
    call = "bench run offline --lite --dry-run -m dummy --out".split()
    assert main([*call, str(tmp_path / "out")]) == 0
    assert re.search(r"\d+ jobs would run", capsys.readouterr().out)
    assert not (tmp_path / "out").exists()


def test_failures_show_in_the_exit_code(toys, tmp_path, capsys):
    call = "bench run offline -t iris --folds 2 --backend sequential --progress none"
    call = [*call.split(), "-m", "dummy", "toys:Raises", "--out", str(tmp_path / "run")]
    assert main(call) == 1
    assert "2 jobs failed" in capsys.readouterr().out
    assert main([*call, "--allow-failures"]) == 0


def test_a_third_party_estimator_takes_part(toys, tmp_path, capsys):
    call = "bench run offline -t iris --folds 2 --backend loky -j 2 --progress none"
    call = [*call.split(), "-m", "dummy", "toys:by_task", "toys:instance"]
    assert main([*call, "--out", str(tmp_path)]) == 0
    assert "6 jobs ok" in capsys.readouterr().out


def test_configuration_file(toys, tmp_path, capsys):
    config = tmp_path / "mine.toml"
    config.write_text(
        """
        [run]
        metrics = ["log_loss", "accuracy"]
        folds = "2x3"
        backend = "sequential"
        progress = "none"

        [[tasks]]
        name = "flowers"
        loader = "skext.benchmark._families.base.tasks:bundled"
        function = "load_iris"

        [[methods]]
        name = "mine"
        factory = "toys:by_task"
        preprocess = "none"

        [[methods]]
        factory = "sklearn.dummy:DummyClassifier"
        """
    )
    folder = tmp_path / "run"
    assert main(["bench", "run", str(config), "--out", str(folder)]) == 0
    frame = pd.read_parquet(folder / "results.parquet")
    assert set(frame["task"]) == {"flowers"}
    assert set(frame["method"]) == {"mine", "sklearn.dummy:DummyClassifier"}
    assert set(frame["metric"]) == {"log_loss", "accuracy"}
    assert frame.groupby("repeat")["fold"].nunique().to_dict() == {0: 3, 1: 3}
    # The command line overrides the file.
    other = ["bench", "run", str(config), "--folds", "2", "--out", str(tmp_path / "b")]
    assert main(other) == 0
    assert len(pd.read_parquet(tmp_path / "b" / "results.parquet")) == 8


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ("bench run cc81", ["'cc81'", "'cc18'"]),
        ("bench run -m gausian-nb", ["'gausian-nb'", "'gaussian-nb'"]),
        ("bench run -m no.such.module:thing", ["no.such.module", "imported"]),
        ("bench run -t irsi", ["'irsi'", "'iris'"]),
        ("bench run --metrics acuracy", ["'acuracy'", "'accuracy'"]),
        ("bench run --metrics rmse -t iris --progress none", ["rmse", "'iris'"]),
        ("bench run --budget soon", ["'soon'", "90s"]),
        ("bench run --memory-limit lots", ["'lots'", "512MB"]),
        ("bench run --folds 1", ["'1'", "at least 2"]),
        ("bench run --tune zero", ["'zero'"]),
        ("bench run -j 0", ["'0'", "-1 for all cores"]),
        ("bench run --device tpu", ["'tpu'", "'cuda'"]),
        ("bench run --retry broken", ["'broken'", "failed"]),
        ("bench run --backend lokky --lite -t iris", ["'lokky'", "'loky'"]),
        ("bench run --track nothing -t iris", ["'nothing'", "imbalanced"]),
        ("bench run missing.toml", ["'missing.toml'", "does not exist"]),
        ("bench run openml:iris", ["openml:31"]),
        ("bench run offline offline", ["named twice"]),
        ("bench report nowhere", ["'nowhere'", "holds no benchmark run"]),
        ("bench compare nowhere a b", ["'nowhere'", "holds no benchmark run"]),
        ("bench score nowhere --metrics brir", ["'brir'", "'brier'"]),
        ("bench speed smot", ["'smot'", "'smote'"]),
        ("bench runn", ["'runn'", "--help"]),
        ("bench list nothing", ["'nothing'"]),
        ("frobnicate", ["'frobnicate'"]),
    ],
)
def test_bad_input_is_named_in_one_sentence(capsys, tmp_path, monkeypatch, argv, words):
    monkeypatch.chdir(tmp_path)
    sentence = fails(capsys, *argv.split())
    for word in words:
        assert word in sentence


def test_column_that_is_not_there(capsys, tmp_path, run_dir):
    folder, _ = run_dir
    sentence = fails(capsys, "bench", "report", str(folder), "--metric", "f2")
    assert "'f2'" in sentence
    sentence = fails(capsys, "bench", "compare", str(folder), "lda", "qda")
    assert "'qda'" in sentence


def test_folder_that_cannot_be_written(capsys, tmp_path):
    (tmp_path / "file").write_text("in the way")
    call = ["bench", "run", "-t", "iris", "-m", "dummy", "--progress", "none", "--out"]
    sentence = fails(capsys, *call, str(tmp_path / "file"))
    assert "file" in sentence
    assert "--out" in sentence


def test_damaged_results_are_named(capsys, tmp_path):
    (tmp_path / "results.sqlite").write_bytes(b"this is no database" * 100)
    sentence = fails(capsys, "bench", "report", str(tmp_path))
    assert str(tmp_path) in sentence


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_full_device_is_named(capsys, run_dir):
    folder, _ = run_dir
    for form in ("html", "csv"):
        call = ["bench", "report", str(folder), "--format", form, "-o", "/dev/full"]
        assert "No space left" in fails(capsys, *call)
    with open("/dev/full", "w") as full:
        found = subprocess.run(
            [sys.executable, "-m", "skext", "bench", "list", "methods"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert found.returncode == 2
    assert "No space left" in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_suite_without_data_says_why_in_one_sentence(capsys, tmp_path):
    data = tmp_path / "data"
    call = ["bench", "run", "cc18", "--offline", "--data-home", str(data), "-m", "lda"]
    sentence = fails(capsys, *call, "--out", str(tmp_path / "run"))
    assert str(data) in sentence
    data.write_text("not a folder")
    sentence = fails(capsys, *call, "--out", str(tmp_path / "run"))
    assert str(data) in sentence


def test_one_missing_task_does_not_stop_the_others(capsys, tmp_path):
    call = "bench run offline openml:40945 -t iris openml:40945 -m dummy --offline"
    call += f" --data-home {tmp_path / 'data'} --backend sequential --folds 2"
    assert main([*call.split(), "--out", str(tmp_path / "run")]) == 0
    captured = capsys.readouterr()
    assert "2 jobs ok" in captured.out
    assert "1 tasks left out" in captured.out
    assert captured.err.count("Left out: ") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_FSIZE semantics")
def test_full_disk_is_named_and_nothing_is_lost(tmp_path):
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "limit = int(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))\n"
        "from skext.benchmark._cli.main import main\n"
        "sys.exit(main(sys.argv[2:]))\n"
    )
    call = "bench run offline -t iris wine -m dummy gaussian-nb lda --folds 10 "
    call += f"--backend sequential --progress none --out {tmp_path / 'run'}"

    def run(limit):
        return subprocess.run(
            [sys.executable, "-c", code, str(limit), *call.split()],
            capture_output=True,
            text=True,
            env=dict(os.environ),
        )

    # Room for the plan and a few of the jobs.
    full = run(300_000)
    assert full.returncode == 2, full.stderr
    last = full.stderr.strip().splitlines()[-1]
    assert last.startswith("skext: error: ")
    assert "run the same command again" in last
    again = run(2**40)
    assert again.returncode == 0, again.stderr
    assert "60 jobs ok" in again.stdout
    assert json.loads((tmp_path / "run" / "run.json").read_text())["n_resumed"] > 0


def test_module_and_script_are_the_same():
    found = subprocess.run(
        [sys.executable, "-m", "skext", "--version"], capture_output=True, text=True
    )
    assert found.stdout.startswith("skext ")
    assert found.returncode == 0


@pytest.mark.slow
def test_main_job_fills_every_cell_and_resumes_with_no_fit(tmp_path, capsys):
    call = ["bench", "--lite", "-j", "2", "--progress", "none", "-o", str(tmp_path)]
    call += ["--budget", "1h"]  # A busy machine shall not cut the run short.
    assert main(call) == 0
    out = capsys.readouterr().out
    assert "Report:" in out
    frame = pd.read_parquet(tmp_path / "results.parquet")
    assert set(frame["status"]) == {"ok"}
    assert frame["value"].notna().all()
    assert set(frame["track"]) == {t.name for t in TRACKS.values() if t.tasks}
    # Simulated truth: the tied Gaussian model is the right one here.
    simulated = frame[(frame["task"] == "gaussians-3x100")].set_index(
        ["method", "metric"]
    )["value"]
    assert simulated["skext-linear-gaussian-nb", "accuracy"] > 0.9
    assert simulated["dummy", "accuracy"] < 0.5
    assert main(call) == 0
    story = json.loads((tmp_path / "run.json").read_text())
    assert story["n_run"] == 0
