from epochal.pipelines.stacking.pipeline import create_pipeline

__all__ = ["create_pipeline"]
