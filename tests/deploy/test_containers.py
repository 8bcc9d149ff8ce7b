import re
import subprocess
import sys

import pytest
import yaml
from containers import DEPLOY, compose

from epochal.serving.service.options import ServiceOptions
from projects import ROOT

DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
STEPS = [
    line
    for line in DOCKERFILE.replace("\\\n", " ").splitlines()
    if line.strip() and not line.startswith("#")
]
ENV_EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::-[^}]*)?\}")
CHECK = ["--builtin-schema", "vendor.compose-spec"]
# as the wheels of onnxruntime-gpu ask for it: `nvidia-cuda-runtime~=13.0; extra == "cuda"`
CUDA_OF_ONNX_RUNTIME = {"1.31": 13}
OURS = {"api", "mlflow", "train", "jupyter"}  # made by our Dockerfile


def stage(name):
    """Return the steps of a stage of the Dockerfile."""
    begun, found = False, []
    for step in STEPS:
        if step.startswith("FROM"):
            begun = step.endswith(f" AS {name}")
        elif begun:
            found.append(step)
    return found


def unset(text):
    """Return a text of Compose's as it is where no variable is set."""
    return VARIABLE.sub(lambda match: match[0].partition(":-")[2].rstrip("}"), text)


def of(steps, word):
    return [step for step in steps if step.startswith(word + " ")]


@pytest.mark.slow
def test_the_compose_files_are_as_the_compose_specification_asks():
    pytest.importorskip("check_jsonschema", reason="needs check-jsonschema, of the extra dev")
    files = [str(DEPLOY / name) for name in ("compose.yaml", "compose.cuda.yaml")]
    found = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *CHECK, *files],
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout


# The Dockerfile, after hadolint's rules


def test_every_image_is_named_with_a_version_that_is_not_latest():
    """DL3006, DL3007; in Compose, too."""
    defaults = dict(re.findall(r"^ARG (\w+)=(\S+)$", DOCKERFILE, re.MULTILINE))
    stages = set(re.findall(r" AS (\S+)$", DOCKERFILE, re.MULTILINE))
    for image in (step.split()[1] for step in of(STEPS, "FROM")):
        full = re.sub(r"\$\{(\w+)\}", lambda match: defaults[match[1]], image)
        assert full in stages or re.search(r":[\w.-]*\d", full), full
    for name, service in compose()["services"].items():
        if name not in OURS:
            assert re.search(r":v?\d+\.\d+", service["image"]), service["image"]


def test_what_apt_installs_is_pinned_without_recommendations_and_its_lists_are_removed():
    """DL3008, DL3009, DL3015."""
    runs = [step for step in of(STEPS, "RUN") if "apt-get install" in step]
    assert runs
    for run in runs:
        packages = re.search(r"install -y --no-install-recommends (.*?) *&&", run)[1].split()
        assert all("=" in package for package in packages), packages
        assert "rm -rf /var/lib/apt/lists/*" in run
        assert "apt-get update" in run


def test_what_pip_installs_is_constrained_and_leaves_no_cache():
    """DL3013, DL3042."""
    calls = re.findall(r"pip (?:install|wheel) [^&;\n]*", "\n".join(STEPS))
    assert len(calls) >= 4
    for call in calls:
        assert "--no-cache-dir" in call
        assert "--constraint" in call or "--no-deps" in call, call


def test_nothing_is_fetched_by_add_and_nobody_is_sudo():
    """DL3020, DL3004."""
    assert of(STEPS, "ADD") == []
    assert "sudo" not in DOCKERFILE
    assert "curl" not in DOCKERFILE


def test_every_command_is_written_as_a_list():
    """DL3025."""
    for step in of(STEPS, "CMD") + of(STEPS, "ENTRYPOINT"):
        assert re.fullmatch(r"(CMD|ENTRYPOINT) \[.*\]", step), step


@pytest.mark.parametrize("name", ["serve", "train", "mlflow"])
def test_no_image_runs_as_root(name):
    """DL3002; a number, which an orchestrator can check."""
    assert of(stage(name), "USER")[-1] == "USER 10001:10001"


@pytest.mark.parametrize("name", ["serve", "mlflow"])
def test_what_serves_says_whether_it_is_healthy(name):
    assert len(of(stage(name), "HEALTHCHECK")) == 1
    assert "/health" in of(stage(name), "HEALTHCHECK")[0]


def test_the_serving_image_has_the_extra_serve_and_nothing_else():
    steps = "\n".join(stage("serve"))
    assert re.findall(r"\[(serve|train|all|dev)\]", steps) == ["serve"]
    assert of(stage("serve"), "COPY") == []  # neither sources nor tests nor data


def test_the_last_stage_is_the_serving_one():
    assert STEPS[-1] == "FROM serve"


def test_the_gpu_build_takes_the_place_of_the_other_in_the_same_version():
    steps = "\n".join(stage("serve"))
    assert '"onnxruntime-gpu==$version"' in steps
    assert "uninstall --yes onnxruntime " in steps
    assert compose("compose.cuda.yaml")["services"]["api"]["build"]["args"] == {
        "ACCELERATOR": "cuda"
    }


def test_the_gpu_image_has_the_cuda_that_onnx_runtime_was_built_for():
    """Of another CUDA its provider does not load, and the service computes on the processor."""
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    version = re.search(r"^onnxruntime==(\d+\.\d+)\.", constraints, re.MULTILINE)[1]
    assert version in CUDA_OF_ONNX_RUNTIME, f"which CUDA does onnxruntime-gpu {version} ask for?"
    cuda = re.search(r"^ARG CUDA_TAG=(\d+)\..*-cudnn-runtime-", DOCKERFILE, re.MULTILINE)[1]
    assert int(cuda) == CUDA_OF_ONNX_RUNTIME[version]


def test_neither_data_nor_secrets_get_into_an_image():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines  # nothing but what is named
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert not allowed & {"data", ".env", ".git", "mlruns", "mlflow.db"}
    copied = {word for step in of(STEPS, "COPY") for word in step.split()[1:-1]}
    copied = {word for word in copied if not word.startswith("--") and word != "."}
    assert copied <= allowed


def test_what_the_dockerfile_copies_exists():
    copied = {word for step in of(STEPS, "COPY") for word in step.split()[1:-1]}
    for word in copied:
        assert word.startswith("--") or (ROOT / word).exists(), word


# Compose


def test_the_documented_addresses_hold():
    ports = {
        name: [
            re.sub(VARIABLE, lambda m: m[0].partition(":-")[2].rstrip("}"), one) for one in ports
        ]
        for name, service in compose()["services"].items()
        if (ports := service.get("ports"))
    }
    assert ports == {
        "api": ["127.0.0.1:8000:8000", "127.0.0.1:8050:8000"],
        "mlflow": ["127.0.0.1:5000:5000"],
        "prometheus": ["127.0.0.1:9090:9090"],
        "grafana": ["127.0.0.1:3001:3000"],
        "jupyter": ["127.0.0.1:8888:8888"],
    }


def test_training_jupyter_and_postgres_start_only_when_they_are_asked_for():
    profiles = {name: one.get("profiles") for name, one in compose()["services"].items()}
    assert profiles == {
        "api": None,
        "mlflow": None,
        "prometheus": None,
        "grafana": None,
        "postgres": ["postgres"],
        "train": ["train"],
        "jupyter": ["dev"],
    }


@pytest.mark.parametrize("name", ["api", "mlflow", "prometheus", "grafana"])
def test_what_runs_all_the_time_can_write_and_gain_nothing(name):
    service = compose()["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"]["max-file"]


def test_every_variable_of_compose_is_in_the_example_and_the_other_way_round():
    texts = [(DEPLOY / name).read_text() for name in ("compose.yaml", "compose.cuda.yaml")]
    used = {name for text in texts for name in VARIABLE.findall(text)}
    named = set(re.findall(r"^#?([A-Z_]+)=", ENV_EXAMPLE, re.MULTILINE))
    by_make = {"EPOCHAL_UID", "EPOCHAL_GID"}
    assert used - by_make == named


def test_no_container_is_told_of_gpus_by_a_variable_that_hides_them():
    """Empty, it hides all; `1` hides the one that is reserved, which is 0 inside."""
    for name in ("compose.yaml", "compose.cuda.yaml"):
        for service in compose(name)["services"].values():
            assert not [one for one in service.get("environment", {}) if "VISIBLE" in one]


@pytest.mark.parametrize("name", ["api", "train"])
def test_the_gpu_that_the_environment_names_is_the_one_that_is_reserved(name):
    service = compose("compose.cuda.yaml")["services"][name]
    (device,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert device["device_ids"] == ["${CUDA_VISIBLE_DEVICES:-0}"]
    assert unset(device["device_ids"][0]) == "0"
    assert "count" not in device  # Compose refuses both


def test_the_example_holds_no_secret():
    values = dict(re.findall(r"^([A-Z_]+)=(.*)$", ENV_EXAMPLE, re.MULTILINE))
    secret = [name for name in values if re.search("KEY|SECRET|TOKEN", name)]
    assert secret
    assert {values[name] for name in secret} == {""}


def test_every_option_that_compose_sets_is_one_of_the_service(monkeypatch):
    environment = compose()["services"]["api"]["environment"]
    prefix = ServiceOptions.model_config["env_prefix"]
    names = [name.removeprefix(prefix).lower() for name in environment]
    assert set(names) <= set(ServiceOptions.model_fields)
    for name, value in environment.items():
        monkeypatch.setenv(name, unset(value))
    assert ServiceOptions().metrics_open is True  # what .env leaves empty is the default


def test_a_container_is_given_the_time_to_finish_what_it_has():
    api = compose()["services"]["api"]
    options = ServiceOptions()
    needed_s = options.timeout_s + float(api["environment"]["EPOCHAL_SERVE_DRAIN_S"])
    assert float(api["stop_grace_period"].removesuffix("s")) > needed_s


def test_prometheus_asks_the_service_where_compose_puts_it():
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    targets = [one for job in config["scrape_configs"] for one in job["static_configs"]]
    assert targets[0]["targets"] == ["api:8000"]
    assert "api" in compose()["services"]
