// How rows of operands lie in shared memory: boxes of features, swizzled as copies write and products read them.
#pragma once

#include "hopper_primitives.cuh"

/// Operands of one kind, with rows of that many features, padded with zeros to a multiple of 16. Boxes of the same
/// features of all operands follow one another: [box][operand][row][feature].
///   Even      boxes are equally wide: products in which features are columns step from box to box
///   otherwise as wide as a swizzle reaches while features last, 64, 32 or 16: copies move fewer, longer pieces of rows
template <int Features, int Operands, int Rows, bool Even> struct Boxes {
  static constexpr int length = (Features + 15) / 16 * 16;
  static constexpr int operand_bytes = 2 * Rows * length, bytes = Operands * operand_bytes;

  /// Where the box of a feature begins.
  static DEV constexpr int first(int feature) {
    if (Even) return feature / width(0) * width(0);
    constexpr int wide = length / 64 * 64, middle = length / 32 * 32;
    return feature < wide ? feature / 64 * 64 : feature < middle ? wide : middle;
  }
  /// Features of the box that begins there, and bytes from row to row.
  static DEV constexpr int width(int first) {
    if (Even) return length % 64 == 0 ? 64 : length % 32 == 0 ? 32 : 16;
    return length - first >= 64 ? 64 : length - first >= 32 ? 32 : 16;
  }
  static DEV constexpr int pitch(int first) { return 2 * width(first); }
  static DEV constexpr int offset(int operand, int first) {
    return 2 * Rows * (Operands * first + operand * width(first));
  }
};
