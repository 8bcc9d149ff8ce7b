"""Scoring while a recording is still being made: chunks of samples in, epochs out."""

from epochal.serving.stream.declaring import Declaration, StreamChannel
from epochal.serving.stream.scorer import StreamScorer

__all__ = ["Declaration", "StreamChannel", "StreamScorer"]
