"""No code in data, no shell, no secret in anything that is kept or printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import hfm
from tests.command import hfm as command
from tests.conftest import Count

FORBIDDEN = {
    "pickle": r"\bpickle\b|cloudpickle|joblib|\bdill\b|\bmarshal\b|\bshelve\b",
    "a NumPy file that may hold objects": r"allow_pickle|np\.load\(|np\.save",
    "torch's own files": r"(?<!safetensors\.)torch\.(load|save)\b|weights_only",
    "code from text": r"(?<![\w.])(eval|exec|compile)\(|__import__\(",
    "a shell": r"shell=True|os\.(system|popen|exec[lv])|\bpty\b",
    "YAML that builds objects": r"(?<!numba_config\.)\byaml\b",  # whether that file is there is all that is asked
}
SECRET = "hunter2-0451"


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_in_the_sources_can_run_what_it_reads(what: str, count: Count) -> None:
    """By grep, over every module: comments and docstrings may speak of it."""
    found = []
    paths = sorted(Path(hfm.__file__).parent.rglob("*.py"))
    for path in paths:
        code = re.sub(r'""".*?"""|#[^\n]*', "", path.read_text("utf-8"), flags=re.DOTALL)
        found += [f"{path.name}: {m.group(0)}" for m in re.finditer(FORBIDDEN[what], code)]
    assert found == []
    count("modules searched for pickle, eval, shells", len(paths))


def test_a_password_in_the_environment_reaches_no_file_and_no_message(tmp_path: Path, count: Count) -> None:
    """A proxy's and a vendor's: the vendor cannot be reached through it (exit 5), and nobody is told the password."""
    proxy = f"http://me:{SECRET}@127.0.0.1:9"
    env = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"), proxy)
    env |= {"DATABENTO_API_KEY": SECRET, "TARDIS_API_KEY": SECRET}
    done = command("fetch", "SPY", "--days", 5, "--max-time", 3, "--json", cwd=tmp_path, env=env)
    assert done.code == 5, done.err
    assert SECRET not in done.out + done.err
    done = command("fetch", "SPY", "--source", "synthetic", "--sessions", 2, cwd=tmp_path, env=env)
    assert done.code == 0
    assert command("simulate", cwd=tmp_path, env=env).code == 0
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(kept) > 6
    assert [path for path in kept if SECRET.encode() in path.read_bytes()] == []
    count("files searched for a secret", len(kept))
