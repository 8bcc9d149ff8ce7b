from epochal.pipelines.deep_models.pipeline import create_pipeline

__all__ = ["create_pipeline"]
