"""Benchmark files: what they may hold, and what wins over what."""

import json
import os
import subprocess
import sys

import pytest

from skext.benchmark import Benchmark, Task, load_tasks
from skext.benchmark._cli.main import main
from skext.benchmark._cli.parser import parse
from skext.benchmark._cli.run import gather, given_by
from skext.benchmark._engine.config import read_config
from skext.exceptions import BenchmarkError


def write(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return str(path)


BAD = [
    ("suites", '"offline"', "list of texts"),
    ("suites", "[1]", "list of texts"),
    ("metrics", '"accuracy"', "list of texts"),
    ("methods", '"logistic"', "list of texts"),
    ("tasks", '"iris"', "list of texts"),
    ("seed", '"x"', "whole number"),
    ("seed", "-1", "whole number"),
    ("seed", "true", "whole number"),
    ("seed", "1.5", "whole number"),
    ("max_rows", '"many"', "whole number above 0"),
    ("max_rows", "0", "whole number above 0"),
    ("jobs", '"four"', "-1 for all cores"),
    ("jobs", "0", "-1 for all cores"),
    ("inner_threads", "0", "whole number above 0"),
    ("tune", "-1", "whole number"),
    ("lite", '"no"', "true or false"),
    ("fresh", "1", "true or false"),
    ("offline", '"yes"', "true or false"),
    ("save_predictions", '"no"', "true or false"),
    ("strict_env", "0", "true or false"),
    ("allow_failures", '"no"', "true or false"),
    ("folds", "true", "number of folds"),
    ("folds", "1", "number of folds"),
    ("folds", "[3]", "number of folds"),
    ("budget", '"soon"', "90s"),
    ("budget", "true", "90s"),
    ("time_limit", "-3", "90s"),
    ("memory_limit", '"lots"', "512MB"),
    ("backend", '"lokky"', "loky"),
    ("backend", "3", "loky"),
    ("progress", '"loud"', "plain"),
    ("retry", '"broken"', "failed"),
    ("device", '"tpu"', "cuda"),
    ("retry", "[1]", "failed"),
    ("out", "3", "a text"),
    ("data_home", "false", "a text"),
    ("track", '"nothing"', "imbalanced"),
    ("task_type", '"numbers"', "regression"),
]


@pytest.mark.parametrize(("key", "value", "cure"), BAD)
def test_a_wrong_value_is_named_with_its_file_key_and_cure(
    tmp_path, capsys, key, value, cure
):
    path = write(tmp_path, f"[run]\n{key} = {value}\n")
    assert main(["bench", "run", path, "--out", str(tmp_path / "out")]) == 2
    sentence = capsys.readouterr().err
    assert sentence.startswith("skext: error: ")
    assert len(sentence.splitlines()) == 1
    for word in ("mine.toml", key, value.strip('"'), cure):
        assert word in sentence
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[tasks]]\nloader = "a:b"\ntrack = "nothing"', ["'nothing'", "imbalanced"]),
        ('[[tasks]]\nloader = "a:b"\ntask_type = "number"', ["number", "regression"]),
        ('[[tasks]]\nloader = "a:b"\nfolds = 1', ["folds", "3x10"]),
        ("[[tasks]]\nloader = 3", ["loader = 3", "a text"]),
        ('[[tasks]]\ndata_id = "x"', ["data_id", '"x"', "whole number"]),
        ('[[tasks]]\nname = "x"', ["exactly one of data_id"]),
        ("[[methods]]\nfactory = 3", ["factory = 3", "a text"]),
        ('[[methods]]\nfactory = "a:b"\npreprocess = "all"', ["all", "ordinal"]),
        ('[[methods]]\nfactory = "a:b"\ntracks = "x"', ["tracks", "list of texts"]),
        ('[[methods]]\nfactory = "a:b"\nprepro = "x"', ["'prepro'", "'preprocess'"]),
        ("run = 3", ["run = 3", "[run]"]),
        ("tasks = 3", ["tasks = 3", "[[tasks]]"]),
        ("[runs]\nseed = 1", ["'runs'", "'run'"]),
        ("[run]\nsedd = 1", ["'sedd'", "'seed'"]),
        ("[run]\nzzz = 1", ["'zzz'", "budget"]),
        ("[run", ["cannot be read"]),
    ],
)
def test_wrong_tables_are_named(tmp_path, text, words):
    with pytest.raises(BenchmarkError) as found:
        read_config(write(tmp_path, text))
    for word in ("mine.toml", *words):
        assert word in str(found.value)


def gathered(*words):
    options, tasks, _ = gather(given_by(parse(["bench", "run", *words])))
    return options, tasks


def test_what_the_command_line_names_wins_even_if_it_is_the_default(tmp_path):
    path = write(
        tmp_path,
        """
        [run]
        seed = 5
        jobs = 3
        budget = "1h"
        progress = "none"
        backend = "sequential"
        tune = 4
        save-predictions = false
        offline = true
        """,
    )
    options, tasks = gathered(path)
    assert (options.seed, options.n_jobs, options.tune) == (5, 3, 4)
    assert (options.backend, options.progress) == ("sequential", "none")
    assert options.save_predictions is False
    assert tasks[0].seed == 5
    call = "--seed 0 --jobs -1 --backend loky --progress auto --save-predictions"
    options, tasks = gathered(path, *call.split())
    assert (options.seed, options.n_jobs, options.tune) == (0, -1, 4)
    assert (options.backend, options.progress) == ("loky", "auto")
    assert options.save_predictions is True
    assert tasks[0].seed == 0
    assert given_by(parse(["bench", "run", path, "--online"]))["offline"] is False


def test_resume_keeps_what_the_command_line_named(tmp_path, capsys):
    path = write(tmp_path, '[run]\nseed = 5\nmethods = ["dummy"]\ntasks = ["iris"]\n')
    call = f"bench run {path} --seed 0 --folds 2 --progress none --out {tmp_path / 'r'}"
    call = [*call.split(), "--backend", "sequential"]
    assert main(call) == 0
    assert main(["bench", "resume", str(tmp_path / "r")]) == 0
    story = json.loads((tmp_path / "r" / "run.json").read_text())
    assert story["options"]["seed"] == 0
    assert story["n_run"] == 0


@pytest.mark.parametrize(
    "loader",
    [
        "sklearn.datasets:load_iris",
        "mine_loaders:pair",
        "mine_loaders:mapping",
        "mine_loaders:frame",
    ],
)
def test_loaders_may_return_what_scikit_learn_returns(tmp_path, monkeypatch, loader):
    (tmp_path / "mine_loaders.py").write_text(
        "from sklearn.datasets import load_iris\n"
        "def pair():\n    return load_iris(return_X_y=True)\n"
        "def mapping():\n    X, y = pair()\n    return {'X': X, 'y': y}\n"
        "def frame():\n    return load_iris(as_frame=True)\n"
        "def nothing():\n    return 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mine_loaders", raising=False)
    from skext.benchmark._engine.tasks import load_task

    (task,) = read_config(write(tmp_path, f'[[tasks]]\nloader = "{loader}"'))["tasks"]
    loaded = load_task(task)
    assert loaded.X.shape == (150, 4)
    assert loaded.task_type == "multiclass"
    with pytest.raises(BenchmarkError, match=r"returned int; it must return \(X, y\)"):
        load_task(Task("t", loader="mine_loaders:nothing"))


def test_wrong_tracks_and_types_are_refused_in_python_too(tables):
    with pytest.raises(BenchmarkError, match="Unknown track 'nothing'"):
        Benchmark(Task("t", track="nothing", arrays=tables["two"]))
    with pytest.raises(BenchmarkError, match="Unknown task_type 'numbers'"):
        Benchmark(tables, task_type="numbers")
    with pytest.raises(BenchmarkError, match=r"metrics='accuracy' must be a list"):
        Benchmark(tables, metrics="accuracy")
    with pytest.raises(BenchmarkError, match="'t' is given as tuple of 3; it must"):
        Benchmark({"t": (*tables["two"], None)})
    bench = Benchmark(tables, ["dummy"])
    for option, value in (("retry", "brocken"), ("budget", "soon"), ("n_jobs", 0)):
        with pytest.raises(BenchmarkError, match=str(value)):
            bench.run("nowhere", **{option: value})
    assert load_tasks("offline", task_type={"iris": "regression"})[0].task_type


def test_the_current_folder_is_importable_with_the_script(tmp_path):
    (tmp_path / "of_this_folder.py").write_text(
        "from sklearn.dummy import DummyClassifier\n"
        "def make():\n    return DummyClassifier()\n"
    )
    # As the installed script does it: its own folder is first on the path.
    code = "import sys; from skext.__main__ import main; sys.exit(main())"
    call = "bench run offline -t iris -m of_this_folder:make --folds 2 -j 1 -o r"
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    paths = [os.path.abspath(p) for p in sys.path if p]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    found = subprocess.run(
        [sys.executable, "-c", code, *call.split()],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    assert "2 jobs ok" in found.stdout
