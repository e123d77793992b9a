"""A trained network as one ONNX file: strokes or pixels in, probabilities out."""
