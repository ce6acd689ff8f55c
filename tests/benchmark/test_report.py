import base64
import gzip
import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from plotly import graph_objects
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from skext.benchmark import Benchmark
from skext.benchmark._analysis import compare
from skext.benchmark._analysis.compare import headline
from skext.benchmark._engine.text import (
    format_number,
    format_seconds,
    percent,
    write_file,
)
from skext.benchmark._report import sections
from skext.benchmark._report.charts import Run, plotly_bundle
from skext.benchmark._report.figures import difference_dots
from skext.benchmark._report.page import render_page, render_tables
from skext.exceptions import BenchmarkError, MissingDependencyError

HOSTILE = '<script>alert(1)</script> & "Müller\'s" 方法 $x_1$'


class Raises(GaussianNB):
    def fit(self, X, y):
        if len(y) < 50:
            raise ValueError(HOSTILE)
        return super().fit(X, y)


class Page(HTMLParser):
    """Checks that tags are balanced; collects texts, ids, links and charts."""

    VOID = ("meta", "link", "br", "hr", "img", "input", "wbr")

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.texts, self.tags = [], [], [], [], set()
        self.feed(text)
        self.close()
        assert not self.open, self.open
        charts = re.findall(r'<script type="application/json">(.*?)</script>', text)
        self.charts = [json.loads(chart) for chart in charts]

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self._attributes(dict(attrs))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self._attributes(dict(attrs))

    def _attributes(self, attrs):
        if "id" in attrs:
            self.ids.append(attrs["id"])
        self.links += [attrs[name] for name in ("href", "src") if name in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Eight tables, four methods, one of which fails on some of them."""
    rng = np.random.default_rng(0)
    tables = {}
    for i in range(8):
        y = np.repeat([0, 1], 20 + 4 * i)
        X = rng.normal(size=(len(y), 2 + i)) + 0.3 * i * y[:, None]
        tables[f"table-{i} {'<b>' if i == 0 else ''}"] = (X, y)
    methods = {
        "dummy": "dummy",
        "logistic": "logistic",
        "skext-linear-gaussian-nb": "skext-linear-gaussian-nb",
        HOSTILE: Raises(),
        "a_name:that.is_much_longer_than_any_column_can_be": LogisticRegression(),
    }
    bench = Benchmark(tables, methods, metrics=["accuracy", "log_loss"], folds=2)
    return bench.run(tmp_path_factory.mktemp("run"), backend="sequential")


@pytest.fixture(scope="module")
def page(results):
    return render_page(results)


def test_page_is_self_contained_and_well_formed(page):
    found = Page(page)
    assert len(set(found.ids)) == len(found.ids)
    assert all(link.startswith("#") for link in found.links)
    assert {link[1:] for link in found.links} <= set(found.ids)
    for word in ("http:", "https:", "@import", "url(http", "//cdn"):
        assert word not in page
    assert not {"link", "img", "iframe"} & found.tags
    code = re.search(r'id="plotly">([^<]*)<', page)[1]
    assert gzip.decompress(base64.b64decode(code)).startswith(b"/**\n* plotly.js v")
    assert page.count(code) == 1
    assert len(page) - len(code) < 200_000
    assert len(page) < 2_200_000


def test_names_and_messages_are_escaped(page):
    assert "<script>alert" not in page
    text = "".join(Page(page).texts)
    assert HOSTILE in text
    assert "table-0 <b>" in text


def test_charts_are_plotly_figures_in_theme_colours(page):
    found = Page(page)
    labels = re.findall(r'class="charts".*? aria-label="([^"]*)"', page)
    assert len(labels) == 6
    assert all(len(label) > 40 for label in labels)
    assert len(found.charts) > 6
    used = set()
    for chart in found.charts:
        text = json.dumps(chart)
        assert not re.findall(r"#[0-9a-fA-F]{3,8}\b", text), "it ignores dark mode"
        used.update(re.findall(r"var\((--[a-z-]+)\)", text))
        graph_objects.Figure(chart["data"], chart["layout"])
        # What is different on a phone must be there to be changed.
        assert {key.split(".")[0] for key in chart["narrow"]} <= set(chart["layout"])
    assert used <= set(re.findall(r"(--[a-z-]+):", page))


def test_points_name_method_and_task(page):
    charts = Page(page).charts
    hover = [
        h for chart in charts for trace in chart["data"] for h in trace["hovertext"]
    ]
    assert sum("(failed, dummy)" in text for text in hover) >= 2
    assert any(re.match(r"dummy on table-\d.*: [+-]0\.\d+$", h) for h in hover)
    names = ("dummy", "logistic", "skext-linear-gaussian-nb", "a_name:that")
    for chart in charts:
        for trace in chart["data"]:
            known = trace["hoverinfo"] == "skip" or trace["hovertext"]
            assert known, "points without a word"
    assert all(any(name in text for text in hover) for name in names)
    assert not any("<" in text for text in hover)


def test_page_tells_the_whole_story(page, results):
    text = " ".join(" ".join(Page(page).texts).split())
    for word in (
        "Jobs done",
        "Failed",
        "Reproduce",
        "How to read this page",
        "accuracy",
    ):
        assert word in text
    assert re.search(r"Friedman χ²\(4\) = \S+, p = \S+; corrected by Iman", text)
    assert results.info["versions"]["numpy"] in text
    assert "Traceback (most recent call last)" in text
    bad = results.counts()["failed"]
    assert f"{bad} jobs of {sum(results.counts().values())} gave no score" in text


def test_dummy_is_left_out_where_it_squeezes_the_others(results):
    analysis = results.analyse()
    run = Run(results.method_info, results.tasks, "dummy", {})
    drawn = difference_dots(analysis, run)
    assert "not drawn" not in drawn.caption
    squeezed = analysis.differences.copy()
    squeezed["dummy"] -= 10
    analysis = replace(analysis, differences=squeezed)
    drawn = difference_dots(analysis, run)
    assert "not drawn: dummy, with a median of −10" in drawn.caption


def test_wide_spreads_are_drawn_on_a_logarithmic_axis_outwards(results):
    analysis = results.analyse()
    run = Run(results.method_info, results.tasks, "no-dummy", {})
    wide = analysis.differences.copy()
    wide["dummy"] = [-40.0, -0.02, -0.01, 0.0, 0.01, 0.02, 0.03, 50.0]
    chart = difference_dots(replace(analysis, differences=wide), run).charts[0]
    places = [x for trace in chart["data"] for x in trace["x"]]
    assert max(places) < 12, "the largest squeezes the others"
    assert sorted(map(abs, places))[len(places) // 2] > 0.1
    axis = chart["layout"]["xaxis"]
    assert "0" in axis["ticktext"]
    assert np.all(np.diff(axis["tickvals"]) > 0)


def test_headline_names_those_that_lose_to_the_baseline(results):
    losing = headline(results.analyse(baseline="logistic"))
    assert re.search(r"More tasks lost to logistic than won: .*dummy", losing)
    assert "than won" not in headline(results.analyse(baseline="dummy"))
    assert "None loses more" in headline(results.analyse(baseline="dummy"))


def test_another_metric_and_baseline(results):
    page = render_page(results, metric="log_loss", baseline="dummy")
    text = " ".join(" ".join(Page(page).texts).split())
    assert "lower is better" in text
    assert "Baseline dummy" in text
    with pytest.raises(BenchmarkError, match="'f2'"):
        render_page(results, metric="f2")


@pytest.mark.parametrize("n_tasks", [1, 3])
def test_few_tasks_make_a_page_without_tests(tmp_path, n_tasks, tables):
    some = dict(list(tables.items())[:n_tasks])
    results = Benchmark(some, ["gaussian-nb"], metrics=["accuracy"], folds=2).run(
        tmp_path, backend="sequential"
    )
    page = render_page(results)
    Page(page)
    assert "demonstration" in page


def test_a_run_without_a_finished_job_has_a_page(tmp_path, tables):
    bench = Benchmark(tables, ["gaussian-nb"], metrics=["accuracy"], folds=2)
    results = bench.run(tmp_path, backend="sequential", budget=1e-9)
    assert results.counts() == {"pending": 4}
    page = render_page(results)
    Page(page)
    assert "The run is not complete." in page


def test_regression_errors_of_different_units_are_not_averaged(tmp_path):
    rng = np.random.default_rng(0)
    tables = {}
    for i in range(6):
        X = rng.normal(size=(60, 3))
        tables[f"r{i}"] = (X, 10.0**i * (X.sum(axis=1) + rng.normal(size=60)))
    from sklearn.linear_model import Ridge
    from sklearn.tree import DecisionTreeRegressor

    methods = {"ridge": Ridge(), "tree": DecisionTreeRegressor()}
    results = Benchmark(tables, methods, metrics=["rmse", "r2"], folds=2).run(
        tmp_path, backend="sequential"
    )
    page = render_page(results, baseline="tree")
    assert ">Mean rmse</th>" not in page
    assert "relative difference" in page


@pytest.mark.parametrize("module", ["jinja2", "plotly.offline"])
def test_missing_packages_are_named(results, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    plotly_bundle.cache_clear()
    package = module.partition(".")[0]
    with pytest.raises(MissingDependencyError, match=rf"'{package}'.*skext\[bench\]"):
        render_page(results)


@pytest.mark.parametrize("form", ["md", "csv", "latex", "text"])
def test_plain_tables_hold_every_method(results, form):
    text = render_tables(results, fmt=form)
    assert "logistic" in text
    assert "skext-linear-gaussian-nb" in text.replace("\\", "")
    if form == "csv":
        import io

        assert len(pd.read_csv(io.StringIO(text))) == 5


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.500"),
        (-0.0004, "−0.0004"),
        (12345.6, "12,346"),
        (float("nan"), "–"),
        (0.0, "0.000"),
    ],
)
def test_numbers(value, text):
    assert format_number(value) == text


def test_durations_and_shares():
    assert format_seconds(0.0123) == "12.3 ms"
    assert format_seconds(90) == "90 s"
    assert format_seconds(7300) == "2.03 h"
    assert percent(0.999) == "> 99 %"
    assert percent(0.0) == "< 1 %"
    assert percent(0.274) == "27 %"


def test_files_are_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "page.html"
    assert write_file(path, "one") == path
    link = tmp_path / "link.html"
    link.symlink_to(path)
    write_file(link, "two")
    assert link.is_symlink()
    assert path.read_text() == "two"
    assert [p.name for p in path.parent.iterdir()] == ["page.html"]
    with pytest.raises(BenchmarkError, match="cannot be written"):
        write_file(path / "below.html", "three")
    assert path.read_text() == "two"


def test_a_device_is_written_to_and_not_replaced():
    import os
    import stat

    if not os.path.exists("/dev/full"):
        pytest.skip("the system has no /dev/full")
    with pytest.raises(BenchmarkError, match="'/dev/full' cannot be written.*space"):
        write_file("/dev/full", "text")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


@pytest.mark.parametrize("p", [0.004, 0.0051, 0.5, 0.985, 0.991, 0.9951])
def test_one_rounding_of_probabilities_everywhere(p):
    assert compare.percent is sections.percent is percent
    row = {"p_better": p, "p_equivalent": 1 - p, "p_worse": 0.0}
    assert sections._odds_cell(row)["text"] == percent(p)
