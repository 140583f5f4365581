"""A TFLite file in tflite-runtime, in one thread: logits [N, 1] of crops float32 [N, S, S, 3]."""

from __future__ import annotations

from tflite_runtime.interpreter import Interpreter

from benchmarks.peers.serve import Call, serve


def make(path: str) -> Call:
    interpreters = {}

    def run(crops):
        interpreter = interpreters.get(crops.shape)
        if interpreter is None:
            interpreter = interpreters[crops.shape] = Interpreter(path, num_threads=1)
            index = interpreter.get_input_details()[0]["index"]
            interpreter.resize_tensor_input(index, crops.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], crops)
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    return run


if __name__ == "__main__":
    serve(make, ("tflite-runtime",))
