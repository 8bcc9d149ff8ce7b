"""What every exported model keeps to: the version of its operators, and how near it must come."""

OPSET = 17
PARITY = 1e-4  # the largest difference of a probability that single precision may cause
