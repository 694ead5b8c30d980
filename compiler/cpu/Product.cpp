// The register-blocked product: per step of k, a few vectors of b, one broadcast of a per row, rows * vectors FMAs.
#include "compiler/cpu/Product.h"

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::cpu;

/// Steps of k that are written out in the innermost loop.
static constexpr int64_t kUnroll = 4;

/// One register block over all k of one product: the accumulators in, the accumulators out.
static Code::Values block(Code &code, RegisterBlock shape, const Product &p, Value a, Value b,
                          const Code::Values &initial) {
  return code.loop(code.whole(0), p.depth, kUnroll, initial, [&](Value k0, ArrayRef<Value> sums) {
    Code::Values now(sums);
    Value ak = code.floats(a, code.mul(k0, code.whole(p.a_step))),
          bk = code.floats(b, code.mul(k0, code.whole(p.b_step)));
    for (int64_t k = 0; k < kUnroll; ++k) {
      Code::Values columns;
      for (unsigned v = 0; v < shape.vectors; ++v)
        columns.push_back(code.load(code.floats(bk, k * p.b_step + v * code.lanes()), code.whole(0), code.lanes()));
      for (unsigned r = 0; r < shape.rows; ++r) {
        Value x = code.load(code.floats(ak, r * p.a_row + k * p.a_step), code.whole(0));
        for (unsigned v = 0; v < shape.vectors; ++v) {
          Value &sum = now[r * shape.vectors + v];
          sum = code.fma(x, columns[v], sum);
        }
      }
    }
    return now;
  });
}

/// All rows of the columns [n, n + vectors * lanes).
static void columnPanel(Code &code, RegisterBlock shape, ArrayRef<Product> products, Value c, int64_t c_step,
                        Value rows, Value n, bool fresh) {
  unsigned lanes = code.lanes();
  code.loop(code.whole(0), rows, shape.rows, [&](Value m) {
    Value corner = code.floats(c, code.add(code.mul(m, code.whole(c_step)), n));
    Code::Values sums;
    auto element = [&](unsigned r, unsigned v) { return code.floats(corner, r * c_step + v * lanes); };
    for (unsigned r = 0; r < shape.rows; ++r)
      for (unsigned v = 0; v < shape.vectors; ++v)
        sums.push_back(fresh ? code.numbers(0, lanes) : code.load(element(r, v), code.whole(0), lanes));
    for (const Product &p : products)
      sums = block(code, shape, p, code.floats(p.a, code.mul(m, code.whole(p.a_row))), code.floats(p.b, n), sums);
    for (unsigned r = 0; r < shape.rows; ++r)
      for (unsigned v = 0; v < shape.vectors; ++v)
        code.store(sums[r * shape.vectors + v], element(r, v), code.whole(0));
  });
}

void cpu::emitProducts(Code &code, RegisterBlock shape, ArrayRef<Product> products, Value c, int64_t c_step, Value rows,
                       int64_t columns, bool fresh) {
  int64_t width = shape.vectors * code.lanes(), whole = columns / width * width;
  if (whole == width)
    columnPanel(code, shape, products, c, c_step, rows, code.whole(0), fresh);
  else if (whole)
    code.loop(code.whole(0), code.whole(whole), width,
              [&](Value n) { columnPanel(code, shape, products, c, c_step, rows, n, fresh); });
  if (whole < columns) {
    RegisterBlock rest = {shape.rows, static_cast<unsigned>((columns - whole) / code.lanes())};
    columnPanel(code, rest, products, c, c_step, rows, code.whole(whole), fresh);
  }
}
