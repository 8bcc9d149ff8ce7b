"""The least that can serve a model: one FastAPI route that calls ONNX Runtime, and checks nothing.

`python bare.py MODEL COLUMNS PORT`: a file of ONNX, a JSON list of columns.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, Request

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
columns = json.loads(Path(sys.argv[2]).read_bytes())
app = FastAPI()


@app.get("/health")
def health() -> dict:
    return {}


@app.post("/predict")
async def predict(request: Request) -> dict:
    features = json.loads(await request.body())["features"]
    row = np.array([[features[column] for column in columns]], dtype=np.float32)
    return {"probabilities": session.run(None, {name: row})[-1][0].tolist()}


uvicorn.run(app, port=int(sys.argv[3]), log_level="warning", access_log=False)
