"""What is written for containers fits the commands and ports of this commit, and HAProxy."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import shapely
import yaml
from typer.testing import CliRunner

from geosearch.cli.app import app
from geosearch.cluster.cuts import Region
from geosearch.cluster.routing import CONFIGURATION, SCRIPT, haproxy_configuration, lua_script
from geosearch.service.ingest_settings import IngestSettings
from geosearch.service.settings import Settings
from tests.geosearch.cluster.proxies import HAPROXY_CFG, haproxy

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"


def read(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(file.read_text("utf-8")))


(COMPOSE,) = read(ROOT / "compose.yaml")
(REGIONS_COMPOSE,) = read(DEPLOY / "regions.compose.yaml")
KUBERNETES, REGIONS_KUBERNETES = read(DEPLOY / "k8s.yaml"), read(DEPLOY / "regions.k8s.yaml")
PORTS = {"serve": Settings().port, "ingest": IngestSettings().port}
PORTS |= {"replicate": PORTS["ingest"], "r1": PORTS["serve"], "r2": PORTS["serve"]}
PORTS |= {"gateway": 8100, "proxy": 8080}


def containers(file: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for one in file:
        template = one.get("spec", {}).get("template", {}).get("spec", {})
        found |= {said["name"]: said for said in template.get("containers", ())}
    return found


COMMANDS = {
    f"{where} {name}": one["command"]
    for where, file in (("compose", COMPOSE), ("compose of regions", REGIONS_COMPOSE))
    for name, one in file["services"].items()
    if "command" in one and name != "proxy"
} | {
    f"{where} {name}": one["args"]
    for where, file in (("k8s", KUBERNETES), ("k8s of regions", REGIONS_KUBERNETES))
    for name, one in containers(file).items()
    if name != "proxy"
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_line_has_each_command(name: str) -> None:
    command, *given = COMMANDS[name]
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert shown.exit_code == 0
    options = {one for one in given if one.startswith("--")}
    assert options <= set(shown.output.replace("│", " ").split())


@pytest.mark.parametrize("file", [KUBERNETES, REGIONS_KUBERNETES], ids=["replicas", "regions"])
def test_probes_ask_the_port_on_which_a_container_listens(file: list[dict[str, Any]]) -> None:
    for name, one in containers(file).items():
        ports = {said["name"]: said["containerPort"] for said in one.get("ports", ())}
        assert list(ports.values()) == ([PORTS[name]] if name in PORTS else [])
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            if probe in one:
                asked = one[probe]["httpGet"]
                assert asked["port"] in ports
                is_ready = probe == "readinessProbe" and name != "proxy"
                assert asked["path"] == ("/readyz" if is_ready else "/healthz")
                assert ports[asked["port"]] == PORTS[name]
        if name in ("serve", "r1", "r2"):
            assert {"readinessProbe", "livenessProbe"} <= one.keys()


@pytest.mark.parametrize(
    ("file", "count"), [(KUBERNETES, 2), (REGIONS_KUBERNETES, 4)], ids=["replicas", "regions"]
)
def test_services_reach_containers(file: list[dict[str, Any]], count: int) -> None:
    labels = {}
    for one in file:
        if one["kind"] in ("Deployment", "StatefulSet"):
            template = one["spec"]["template"]
            label = template["metadata"]["labels"]["app"]
            assert one["spec"]["selector"]["matchLabels"]["app"] == label
            listed = template["spec"]["containers"]
            labels[label] = {port["name"] for said in listed for port in said.get("ports", ())}
    services = [one for one in file if one["kind"] == "Service"]
    assert len(services) == count
    for one in services:
        ports = one["spec"]["ports"]
        assert {port["targetPort"] for port in ports} <= labels[one["spec"]["selector"]["app"]]
    if file is KUBERNETES:
        source = containers(file)["replicate"]["args"][3]
        assert source == f"http://{services[0]['metadata']['name']}:{PORTS['ingest']}"


@pytest.mark.parametrize(
    ("compose", "file"),
    [(COMPOSE, KUBERNETES), (REGIONS_COMPOSE, REGIONS_KUBERNETES)],
    ids=["replicas", "regions"],
)
def test_each_volume_that_is_mounted_is_there(
    compose: dict[str, Any], file: list[dict[str, Any]]
) -> None:
    services = compose["services"]
    mounted = {one.split(":")[0] for said in services.values() for one in said.get("volumes", ())}
    assert {name for name in mounted if not name.startswith(".")} == set(compose["volumes"])
    for name in mounted - {"./snapshot", "../snapshot"}:
        assert not name.startswith(".") or (ROOT / name).is_file()
    for one in file:
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


def test_regions_are_reached_by_name(tmp_path: Path) -> None:
    """HAProxy takes the addresses of both files, and each names a service and its port."""
    compose = REGIONS_COMPOSE["services"]["proxy"]["environment"]
    given = containers(REGIONS_KUBERNETES)["proxy"]["env"]
    kubernetes = {one["name"]: one["value"] for one in given}
    ports = {
        one["metadata"]["name"]: one["spec"]["ports"][0]["port"]
        for one in REGIONS_KUBERNETES
        if one["kind"] == "Service"
    }
    for address in list(kubernetes.values())[1:]:
        name, _, port = address.rpartition(":")
        assert ports[name] == int(port)
    for address in list(compose.values())[2:]:
        name, _, port = address.rpartition(":")
        assert name in REGIONS_COMPOSE["services"]
        assert int(port) == PORTS[name.partition("-")[0]]
    inside = f"http://proxy{compose['GEOSEARCH_INSIDE']}"
    for name, urls in (
        ("compose of regions gateway-1", [inside, inside]),
        ("k8s of regions gateway", [f"http://geosearch-{name}:8080" for name in ("r1", "r2")]),
    ):
        told = [one for one in COMMANDS[name] if "=" in one]
        assert told == [f"r{number}={url}" for number, url in enumerate(urls, 1)]
    regions = [Region(f"r{number}", shapely.box(0, 0, number, 1)) for number in (1, 2)]
    (tmp_path / CONFIGURATION).write_text(haproxy_configuration(regions), "utf-8")
    (tmp_path / SCRIPT).write_text(lua_script(regions), "utf-8")
    for addresses in (compose, kubernetes):
        # In a container they are names of its network.
        here = {name: f"127.0.0.1:{text.rpartition(':')[2]}" for name, text in addresses.items()}
        check(tmp_path / CONFIGURATION, here)
        read_there = set(re.findall(r"GEOSEARCH_\w+", haproxy_configuration(regions)))
        assert set(addresses) <= read_there


def check(configuration: Path, addresses: dict[str, str]) -> None:
    """Let HAProxy read a file, which it must not even warn of."""
    checked = subprocess.run(
        [haproxy(), "-c", "-f", str(configuration)], env=os.environ | addresses,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr


def test_haproxy_accepts_its_configuration() -> None:
    # In a container they are names of its network.
    addresses = {
        name: f"127.0.0.1:{18_000 + i}" for i, name in enumerate(("BIND", "REPLICA_1", "REPLICA_2"))
    }
    check(HAPROXY_CFG, addresses)
    # Neither a position nor a wallet is logged: they stand in queries and bodies.
    assert not {"%r", "%HU", "%HQ", "%ci"} & set(HAPROXY_CFG.read_text().replace('"', " ").split())
