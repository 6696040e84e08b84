"""What is written for containers fits the commands and ports of this commit, and HAProxy."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from geosearch.cli.app import app
from geosearch.service.ingest_settings import IngestSettings
from geosearch.service.settings import Settings
from tests.geosearch.cluster.proxies import HAPROXY_CFG, haproxy

ROOT = Path(__file__).resolve().parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
KUBERNETES: list[dict[str, Any]] = list(
    yaml.safe_load_all((ROOT / "deploy" / "k8s.yaml").read_text("utf-8"))
)
PORTS = {"serve": Settings().port, "ingest": IngestSettings().port}
PORTS["replicate"] = PORTS["ingest"]


def containers() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for one in KUBERNETES:
        template = one.get("spec", {}).get("template", {}).get("spec", {})
        found |= {said["name"]: said for said in template.get("containers", ())}
    return found


COMMANDS = {
    f"compose {name}": one["command"]
    for name, one in COMPOSE["services"].items()
    if "command" in one
} | {f"k8s {name}": one["args"] for name, one in containers().items()}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_line_has_each_command(name: str) -> None:
    command, *given = COMMANDS[name]
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert shown.exit_code == 0
    options = {one for one in given if one.startswith("--")}
    assert options <= set(shown.output.replace("│", " ").split())


def test_probes_ask_the_port_on_which_a_container_listens() -> None:
    for name, one in containers().items():
        ports = {said["name"]: said["containerPort"] for said in one.get("ports", ())}
        assert list(ports.values()) == ([PORTS[name]] if name in PORTS else [])
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            if probe in one:
                asked = one[probe]["httpGet"]
                assert asked["port"] in ports
                assert asked["path"] == ("/readyz" if probe == "readinessProbe" else "/healthz")
    assert {"readinessProbe", "livenessProbe"} <= containers()["serve"].keys()


def test_services_reach_containers() -> None:
    labels = {}
    for one in KUBERNETES:
        if one["kind"] in ("Deployment", "StatefulSet"):
            template = one["spec"]["template"]
            label = template["metadata"]["labels"]["app"]
            assert one["spec"]["selector"]["matchLabels"]["app"] == label
            listed = template["spec"]["containers"]
            labels[label] = {port["name"] for said in listed for port in said.get("ports", ())}
    services = [one for one in KUBERNETES if one["kind"] == "Service"]
    assert len(services) == 2
    for one in services:
        ports = one["spec"]["ports"]
        assert {port["targetPort"] for port in ports} <= labels[one["spec"]["selector"]["app"]]
    source = containers()["replicate"]["args"][3]
    assert source == f"http://{services[0]['metadata']['name']}:{PORTS['ingest']}"


def test_each_volume_that_is_mounted_is_there() -> None:
    services = COMPOSE["services"]
    mounted = {one.split(":")[0] for said in services.values() for one in said.get("volumes", ())}
    assert {name for name in mounted if not name.startswith(".")} == set(COMPOSE["volumes"])
    for name in mounted - {"./snapshot"}:
        assert not name.startswith(".") or (ROOT / name).is_file()
    for one in KUBERNETES:
        template = one.get("spec", {}).get("template", {}).get("spec")
        if template:
            claims = [
                said["metadata"]["name"] for said in one["spec"].get("volumeClaimTemplates", ())
            ]
            volumes = {said["name"] for said in template["volumes"]} | set(claims)
            for said in template["containers"]:
                assert {mount["name"] for mount in said["volumeMounts"]} <= volumes


def test_compose_reaches_what_it_names() -> None:
    services = COMPOSE["services"]
    for one in services.values():
        assert set(one.get("depends_on", ())) <= services.keys()
        assert set(one.get("secrets", ())) <= COMPOSE["secrets"].keys()
    for name in ("replicate-1", "replicate-2"):
        assert services[name]["command"][3] == f"http://ingest:{PORTS['ingest']}"
    proxy = services["proxy"]
    backends = {one for name, one in proxy["environment"].items() if name != "BIND"}
    assert backends == {f"replica-{number}:{PORTS['serve']}" for number in (1, 2)}
    assert set(proxy["environment"]) == {"BIND", "REPLICA_1", "REPLICA_2"}


def test_haproxy_accepts_its_configuration() -> None:
    # In a container they are names of its network.
    addresses = {
        name: f"127.0.0.1:{18_000 + i}" for i, name in enumerate(("BIND", "REPLICA_1", "REPLICA_2"))
    }
    checked = subprocess.run(
        [haproxy(), "-c", "-f", str(HAPROXY_CFG)], env=os.environ | addresses,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr
    # Neither a position nor a wallet is logged: they stand in queries and bodies.
    assert not {"%r", "%HU", "%HQ", "%ci"} & set(HAPROXY_CFG.read_text().replace('"', " ").split())
