/**
 * @file Reads and changes an ONNX file as far as teaching needs: the last layer, the words, no more.
 *
 * An ONNX file is a protobuf message: fields, each a tag (number and wire type) and a value, where
 * a value may be a message again. What is not changed is copied as it is, byte for byte.
 * Numbers of fields: onnx.proto of the ONNX project.
 */

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const FLOAT = 1; // TensorProto.DataType

const MODEL = { graph: 7, metadata: 14 };
const GRAPH = { node: 1, initializer: 5, output: 12, valueInfo: 13 };
const TENSOR = { dims: 1, type: 2, floats: 4, name: 8, raw: 9 };
const ENTRY = { key: 1, value: 2 };
const VALUE = { name: 1, type: 2 };
const TYPE = { tensor: 1 };
const TENSOR_TYPE = { shape: 2 };
const SHAPE = { dim: 1 };
const DIM = { value: 1 };

const WEIGHT = "head.weight";
const BIAS = "head.bias";
const PROBABILITIES = "probabilities";

const text = new TextDecoder();
const utf8 = new TextEncoder();

/**
 * What is in a file beside its network.
 *
 * @param {Uint8Array} bytes of an ONNX file.
 * @returns {{metadata: Map<string, string>, head: {weight: Float32Array, bias: Float32Array,
 *   classes: number, width: number} | null}} `weight` is classes times width; null where the
 *   network does not end in a linear layer.
 */
export function readModel(bytes) {
  const metadata = new Map();
  const tensors = new Map();
  for (const field of fields(bytes)) {
    if (field.number === MODEL.metadata) {
      metadata.set(...keyAndValue(field.value));
    } else if (field.number === MODEL.graph) {
      for (const inner of fields(field.value)) {
        if (inner.number !== GRAPH.initializer) continue;
        const name = nameOf(inner.value, TENSOR.name);
        if (name === WEIGHT || name === BIAS) tensors.set(name, readFloats(inner.value));
      }
    }
  }
  const weight = tensors.get(WEIGHT);
  const bias = tensors.get(BIAS);
  if (!weight || !bias) return { metadata, head: null };
  const [classes, width] = weight.dims;
  return { metadata, head: { weight: weight.values, bias: bias.values, classes, width } };
}

/**
 * The same network with another last layer.
 *
 * @param {Uint8Array} bytes of the file.
 * @param {{weight: Float32Array, bias: Float32Array}} head of as many rows as `bias` is long.
 * @param {Map<string, string>} metadata all of it: what is not in the map is left out.
 * @returns {Uint8Array} of the new file.
 */
export function withHead(bytes, head, metadata) {
  const classes = head.bias.length;
  const width = head.weight.length / classes;
  const parts = [];
  for (const field of fields(bytes)) {
    if (field.number === MODEL.graph) {
      parts.push(message(MODEL.graph, graphWith(field.value, head, classes, width)));
    } else if (field.number !== MODEL.metadata) {
      parts.push(field.whole);
    }
  }
  for (const [key, value] of metadata) {
    const entry = [string(ENTRY.key, key), string(ENTRY.value, value)];
    parts.push(message(MODEL.metadata, joined(entry)));
  }
  return joined(parts);
}

function graphWith(graph, head, classes, width) {
  const parts = [];
  for (const field of fields(graph)) {
    // Shapes between the layers are a help to readers only, and would be wrong.
    if (field.number === GRAPH.valueInfo) continue;
    if (field.number === GRAPH.initializer) {
      const name = nameOf(field.value, TENSOR.name);
      if (name === WEIGHT) {
        parts.push(message(GRAPH.initializer, floats(name, [classes, width], head.weight)));
        continue;
      }
      if (name === BIAS) {
        parts.push(message(GRAPH.initializer, floats(name, [classes], head.bias)));
        continue;
      }
    }
    if (field.number === GRAPH.output && nameOf(field.value, VALUE.name) === PROBABILITIES) {
      parts.push(message(GRAPH.output, outputOf(field.value, classes)));
      continue;
    }
    parts.push(field.whole);
  }
  return joined(parts);
}

/** The description of an output, with so many columns. */
function outputOf(value, classes) {
  return changed(value, VALUE.type, (type) =>
    changed(type, TYPE.tensor, (tensor) =>
      changed(tensor, TENSOR_TYPE.shape, (shape) => {
        const dims = [...fields(shape)].map((field) => field.whole);
        dims[1] = message(SHAPE.dim, number(DIM.value, classes));
        return joined(dims);
      }),
    ),
  );
}

/** A message in which the value of one field is another. */
function changed(bytes, wanted, change) {
  const parts = [];
  for (const field of fields(bytes)) {
    parts.push(field.number === wanted ? message(wanted, change(field.value)) : field.whole);
  }
  return joined(parts);
}

function keyAndValue(entry) {
  return [nameOf(entry, ENTRY.key), nameOf(entry, ENTRY.value)];
}

function nameOf(bytes, wanted) {
  for (const field of fields(bytes)) {
    if (field.number === wanted) return text.decode(field.value);
  }
  return "";
}

function readFloats(tensor) {
  const dims = [];
  let values = null;
  for (const field of fields(tensor)) {
    if (field.number === TENSOR.dims) {
      if (field.wire === VARINT) dims.push(field.value);
      else for (let at = 0; at < field.value.length; ) {
        const [dim, next] = varint(field.value, at);
        dims.push(dim);
        at = next;
      }
    } else if (field.number === TENSOR.type && field.value !== FLOAT) {
      throw new RangeError(`the last layer is of data type ${field.value}, not float32`);
    } else if (field.number === TENSOR.raw || field.number === TENSOR.floats) {
      values = new Float32Array(field.value.slice().buffer);
    }
  }
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (!values || values.length !== count) throw new RangeError("the last layer is not whole");
  return { dims, values };
}

/** The fields of a message; a value is a number, or a view of the bytes. */
function* fields(bytes) {
  let at = 0;
  while (at < bytes.length) {
    const begin = at;
    let tag;
    [tag, at] = varint(bytes, at);
    const wire = tag & 7;
    let value;
    if (wire === VARINT) {
      [value, at] = varint(bytes, at);
    } else if (wire === BYTES) {
      let length;
      [length, at] = varint(bytes, at);
      value = bytes.subarray(at, at + length);
      at += length;
    } else if (wire === FIXED32 || wire === FIXED64) {
      const length = wire === FIXED32 ? 4 : 8;
      value = bytes.subarray(at, at + length);
      at += length;
    } else {
      throw new RangeError("this is not an ONNX file");
    }
    if (at > bytes.length) throw new RangeError("the file is cut off");
    yield { number: Math.floor(tag / 8), wire, value, whole: bytes.subarray(begin, at) };
  }
}

/** A whole number of any length, and where the next byte is. Above 2^53 it is only skipped. */
function varint(bytes, at) {
  let value = 0;
  let scale = 1;
  for (;;) {
    if (at >= bytes.length) throw new RangeError("the file is cut off");
    const byte = bytes[at++];
    value += (byte & 127) * scale;
    if (byte < 128) return [value, at];
    scale *= 128;
  }
}

function varintBytes(value) {
  const bytes = [];
  do {
    const rest = value % 128;
    value = Math.floor(value / 128);
    bytes.push(value ? rest + 128 : rest);
  } while (value);
  return Uint8Array.from(bytes);
}

function message(field, bytes) {
  return joined([varintBytes(field * 8 + BYTES), varintBytes(bytes.length), bytes]);
}

function number(field, value) {
  return joined([varintBytes(field * 8 + VARINT), varintBytes(value)]);
}

function string(field, value) {
  return message(field, utf8.encode(value));
}

function floats(name, dims, values) {
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const parts = dims.map((dim) => number(TENSOR.dims, dim));
  parts.push(number(TENSOR.type, FLOAT), string(TENSOR.name, name), message(TENSOR.raw, raw));
  return joined(parts);
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
