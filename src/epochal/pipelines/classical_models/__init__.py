from epochal.pipelines.classical_models.pipeline import create_pipeline

__all__ = ["create_pipeline"]
