"""The page in a real browser: nothing said on the console, nothing asked for, no line cut off at any width."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from hfm.config import Config, Report, Simulate
from hfm.recipe.recipe_waterfall import PANEL as WATERFALL
from hfm.report import evidence, page, stage
from hfm.report.panels.catalogue import PANELS
from hfm.stage import Context, Record
from tests.report.builder import make

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on disk."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    made = stage.run(make(sessions=70), Config(report=Report(reps=200)), Context("report", record=Record(trials=30)))
    path.write_bytes(dict([next(made)])[stage.PAGE])
    return path


def browse(page: Path, folder: Path, *flags: str) -> tuple[str, str]:
    """(stdout, log) of a headless visit to `page` that may use no host at all."""
    if CHROMIUM is None:
        pytest.skip("no chromium")
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars",
        "--disable-component-update", "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr", "--v=0", *flags, page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, done.stderr


@pytest.mark.slow
def test_the_browser_has_nothing_to_complain_about(html: Path, tmp_path: Path) -> None:
    """No console message, no blocked or attempted request; the DOM holds as many figures as there are panels."""
    log = tmp_path / "net.json"
    dom, said = browse(html, tmp_path, f"--log-net-log={log}", "--dump-dom")
    assert "CONSOLE" not in said
    assert dom.count("<figure") == len(PANELS)
    assert requests(log) == set()


@pytest.mark.slow
def test_a_request_of_a_page_would_be_seen(tmp_path: Path) -> None:
    """The test above can fail: an outside image shows up in the same log."""
    asking = tmp_path / "asking.html"
    asking.write_text("<img src='https://example.com/x.png'>", "utf-8")
    browse(asking, tmp_path, f"--log-net-log={tmp_path / 'net.json'}", "--dump-dom")
    assert requests(tmp_path / "net.json") == {"https://example.com/x.png"}


def requests(log: Path) -> set[str]:
    """What the page itself asked for beyond its own file; the browser's own housekeeping has no origin."""
    params = [event.get("params") or {} for event in json.loads(log.read_text("utf-8"))["events"]]
    asked = {str(p["url"]) for p in params if p.get("initiator", "not an origin") != "not an origin" and "url" in p}
    return {url for url in asked if not url.startswith(("file:", "data:", "chrome"))}


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_sticks_out_at_phone_and_desk_width(html: Path, tmp_path: Path, width: int) -> None:
    """Inside a frame of that width the page is no wider than the frame: nothing to scroll sideways."""
    probe = tmp_path / "probe.html"
    text = html.read_text("utf-8")
    meter = (
        "<script>addEventListener('load',()=>{const d=document.documentElement;"
        "document.title=`${d.scrollWidth} ${d.clientWidth}`})</script>"
    )
    text = re.sub(r"<meta http-equiv=.Content-Security-Policy.[^>]*>", "", text).replace("</body>", f"{meter}</body>")
    (tmp_path / "inner.html").write_text(text, "utf-8")
    probe.write_text(
        f"<iframe id=f src=inner.html width={width} height=3000></iframe><script>document.getElementById('f').onload="
        "()=>setTimeout(()=>{document.body.append(document.getElementById('f').contentDocument.title)},300)</script>"
    )
    dom, _ = browse(probe, tmp_path, "--allow-file-access-from-files", "--virtual-time-budget=4000", "--dump-dom")
    found = re.search(r"</iframe>.*?(\d+) (\d+)", dom, re.DOTALL)
    assert found is not None
    assert int(found[1]) <= int(found[2])


@pytest.mark.slow
def test_dark_mode_is_dark_and_light_mode_is_light(html: Path, tmp_path: Path) -> None:
    """The same page follows the reader's scheme, figures included."""
    means = []
    for flags in (("--blink-settings=preferredColorScheme=1",), ("--blink-settings=preferredColorScheme=0",)):
        shot = tmp_path / f"{len(means)}.png"
        browse(html, tmp_path, f"--screenshot={shot}", "--window-size=1200,2400", *flags)
        means.append(float(np.mean(imread(shot)[..., :3])))
    assert means[0] > 0.85
    assert means[1] < 0.3


def test_the_template_names_every_panel_once() -> None:
    """A new panel that stands in no section would be drawn and not shown."""
    listed = [name for _, names in page.SECTIONS for name in names]
    assert sorted(listed) == sorted(panel.name for panel in (*PANELS, WATERFALL))


def test_what_is_simulated_is_said_and_what_is_observed_is_not_called_so() -> None:
    """Real bars with simulated quotes, invented bars, a replayed order book: each in its own words."""
    config = Config(report=Report(reps=200))
    replay = replace(config, simulate=Simulate(fidelity="replay"))
    said = {
        name: " ".join(page.simulated(evidence.gather(make(synthetic=name == "invented"), used, Record(1))))
        for name, used in (("invented", config), ("observed", config), ("book", replay))
    }
    assert "SYNTHETIC" in said["invented"]
    assert "observed bars" in said["observed"]
    assert "statements about the simulator" in said["observed"]
    assert "events of an order book" in said["book"]
    assert "none is simulated" in said["book"]
    assert "statements about the simulator" not in said["book"]
