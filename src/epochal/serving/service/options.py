"""The options of the web service; each is also read from the environment, `EPOCHAL_SERVE_…`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024


class ServiceOptions(BaseSettings):
    """What the operator of a service decides."""

    model_config = SettingsConfigDict(
        env_prefix="EPOCHAL_SERVE_", extra="forbid", frozen=True, env_ignore_empty=True
    )

    bundles: dict[str, Path] = Field(
        default_factory=dict, description="The bundles by name; the first is the default one."
    )
    watch_s: float = Field(
        5.0, ge=0, description="How often changed bundles are looked for, in seconds; 0: never."
    )
    n_threads: int = Field(1, ge=1, description="Threads of one inference.")
    n_workers: int = Field(2, ge=1, description="Requests that are worked on at one time.")
    max_waiting: int = Field(64, ge=0, description="Requests that may wait; more are told 429.")
    timeout_s: float = Field(60.0, gt=0, description="How long a request may take, in seconds.")
    max_body_bytes: int = Field(32 * MIB, ge=1024, description="The largest JSON body.")
    max_upload_bytes: int = Field(4096 * MIB, ge=1024, description="The largest uploaded file.")
    work_folder: Path | None = Field(
        None, description="Where uploads and jobs lie meanwhile; default: a temporary folder."
    )
    keep_jobs_s: float = Field(
        3600.0, gt=0, description="How long a finished job's results are kept, in seconds."
    )
    api_keys: tuple[SecretStr, ...] = Field((), description="Keys that open the service.")
    jwt_secret: SecretStr | None = Field(None, description="The secret of signed tokens (HS256).")
    jwt_audience: str | None = Field(None, description="The audience that a token must name.")
    cors_origins: tuple[str, ...] = Field((), description="Other origins that browsers may use.")
    requests_per_minute: int = Field(0, ge=0, description="Per caller; 0: no limit.")
    download: bool = Field(True, description="Offer /download of Sleep-EDFx.")
    results_folder: Path = Field(
        Path("data"), description="The studies' data folder, for the dashboard's results."
    )
    review_folder: Path | None = Field(
        None, description="Where corrections are kept; default: `reviews` in the work folder."
    )
    max_streams: int = Field(32, ge=0, description="Live streams at one time.")
    keep_streams_s: float = Field(
        120.0, ge=0, description="How long a broken stream may be taken up again, in seconds."
    )
    log_format: Literal["json", "plain"] = Field("json", description="How log lines are written.")
