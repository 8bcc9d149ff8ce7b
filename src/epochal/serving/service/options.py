"""The options of the web service; each is also read from the environment, `EPOCHAL_SERVE_…`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, HttpUrl, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from epochal.errors import EpochalError, did_you_mean
from epochal.serving.entries import Precision
from epochal.serving.service.alert_rules import AlertRule

MIB = 1024 * 1024
PREFIX = "EPOCHAL_SERVE_"


class ServiceOptions(BaseSettings):
    """What the operator of a service decides."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, env_ignore_empty=True
    )

    bundles: dict[str, Path] = Field(
        default_factory=dict, description="The bundles by name; the first is the default one."
    )
    watch_s: float = Field(
        5.0, ge=0, description="How often changed bundles are looked for, in seconds; 0: never."
    )
    n_threads: int = Field(1, ge=1, description="Threads of one inference.")
    provider: Literal["cpu", "cuda", "tensorrt"] | None = Field(
        None, description="What runs the models; default: EPOCHAL_PROVIDER, else cpu."
    )
    precision: Precision | None = Field(
        None, description="Whether files of 8 bits serve where a bundle has them; default: its own."
    )
    n_workers: int = Field(2, ge=1, description="Requests that are worked on at one time.")
    max_waiting: int = Field(64, ge=0, description="Requests that may wait; more are told 429.")
    timeout_s: float = Field(60.0, gt=0, description="How long a request may take, in seconds.")
    read_timeout_s: float = Field(
        30.0, gt=0, description="How long a body may be waited for without enough of it coming."
    )
    drain_s: float = Field(
        1.0, ge=0, description="How long /ready says 503 before a stopping service closes its port."
    )
    max_body_bytes: int = Field(32 * MIB, ge=1024, description="The largest JSON body.")
    max_rows: int = Field(10_000, ge=1, description="Epochs of one JSON request.")
    max_upload_bytes: int = Field(4096 * MIB, ge=1024, description="The largest uploaded file.")
    work_folder: Path | None = Field(
        None, description="Where uploads and jobs lie meanwhile; default: a temporary folder."
    )
    keep_jobs_s: float = Field(
        3600.0, gt=0, description="How long a finished job's results are kept, in seconds."
    )
    api_keys: tuple[Annotated[SecretStr, Field(min_length=16)], ...] = Field(
        (), description="Keys that open the service, of 16 characters or more."
    )
    jwt_secret: SecretStr | None = Field(
        None,
        min_length=32,  # RFC 7518, section 3.2: no shorter than the hash
        description="The secret of signed tokens (HS256), of 32 characters or more.",
    )
    jwt_audience: str | None = Field(None, description="The audience that a token must name.")
    jwt_leeway_s: float = Field(
        10.0, ge=0, description="How far clocks may differ when a token's times are judged."
    )
    metrics_open: bool = Field(False, description="Give /metrics without a key or a token.")
    cors_origins: tuple[str, ...] = Field((), description="Other origins that browsers may use.")
    requests_per_minute: int = Field(0, ge=0, description="Per caller; 0: no limit.")
    download: bool = Field(True, description="Offer /download of Sleep-EDFx.")
    results_folder: Path = Field(
        Path("data"), description="The studies' data folder, for the dashboard's results."
    )
    review_folder: Path | None = Field(
        None,
        description="Where corrections are kept; default: `reviews` in the work folder, where they "
        "stay when the service stops, even of a temporary one.",
    )
    max_streams: int = Field(32, ge=0, description="Live streams at one time.")
    stream_idle_s: float = Field(
        60.0, gt=0, description="How long a stream may send nothing, in seconds."
    )
    stream_message_bytes: int = Field(
        4 * MIB, ge=1024, description="The largest message of a stream."
    )
    keep_streams_s: float = Field(
        120.0, ge=0, description="How long a broken stream may be taken up again, in seconds."
    )
    alert_file: Path | None = Field(
        None, description="Rules of alerts, as YAML or JSON: a list, or one under `rules`."
    )
    alerts: tuple[AlertRule, ...] = Field((), description="More rules of alerts.")
    webhook_url: HttpUrl | None = Field(None, description="Where alerts are sent to.")
    webhook_secret: SecretStr | None = Field(
        None, min_length=16, description="What they are signed with (HMAC-SHA256)."
    )
    log_format: Literal["json", "plain"] = Field("json", description="How log lines are written.")

    @model_validator(mode="after")
    def _sign_alerts(self) -> ServiceOptions:
        if self.webhook_url is not None and self.webhook_secret is None:
            raise ValueError("webhook_url needs webhook_secret: alerts are sent signed")
        return self


def read_options(**given: Any) -> ServiceOptions:
    """Return the options: those given, and all others from the environment.

    A name that no option has (a key under a misspelt one would protect nothing) and a wrong value
    raise `EpochalError`. No value is quoted: it may be a secret.
    """
    refuse_unknown(os.environ)
    try:
        return ServiceOptions(**given)
    except ValidationError as error:
        raise EpochalError("; ".join(_tell(fault) for fault in error.errors())) from None
    except SettingsError as error:
        raise EpochalError(_tell_unreadable(str(error))) from None


def refuse_unknown(names: Iterable[str] | Mapping[str, str]) -> None:
    """Raise `EpochalError` for a variable that begins as the service's do, and is none of them."""
    known = [f"{PREFIX}{name.upper()}" for name in ServiceOptions.model_fields]
    for name in sorted(names):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            raise EpochalError(f"no option '{name}'{did_you_mean(name.upper(), known)}")


def _tell(fault: Any) -> str:
    if not fault["loc"]:
        return str(fault["msg"])
    name, *within = fault["loc"]
    where = "".join(f", {part}" for part in within)
    return f"{PREFIX}{str(name).upper()}{where}: {fault['msg']}"


def _tell_unreadable(reason: str) -> str:
    found = re.search(r'field "(\w+)"', reason)
    name = f"{PREFIX}{found[1].upper()}" if found else "the environment"
    return f'{name}: no JSON; a list is written as ["one", "two"], quotation marks included'
