from epochal.pipelines.serving_export.pipeline import create_pipeline

__all__ = ["create_pipeline"]
