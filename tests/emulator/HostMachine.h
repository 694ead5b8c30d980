// What a kernel compiled for the host asks of the machine that runs it: a thread's place, its warp, its block, shared
// memory.
#ifndef JVPGEN_TESTS_EMULATOR_HOSTMACHINE_H
#define JVPGEN_TESTS_EMULATOR_HOSTMACHINE_H

#include <cstdint>

/// The side of the emulator that kernels see. All functions speak for the thread that runs at the moment.
class HostMachine {
public:
  enum class Element { BF16, F16, TF32 };

  int thread = 0; ///< index in the block
  int block = 0;
  int blocks = 0; ///< of the grid

  virtual void barrier() = 0;
  virtual float shuffleXor(float x, int mask) = 0;
  virtual bool any(bool x) = 0;

  /// `bytes` bytes of shared memory that begin at a multiple of `bytes`; anything else ends the kernel with a fault.
  virtual unsigned char *shared(uint32_t at, uint32_t bytes) = 0;

  /// Copies arrive as late as they may: when they are waited for.
  virtual void copyAsync(uint32_t to, const void *from, uint32_t bytes, bool valid) = 0;
  virtual void commitCopies() = 0;
  virtual void waitCopies(int under_way) = 0;

  virtual void loadMatrices(uint32_t (&x)[4], uint32_t row, bool transposed) = 0;
  virtual void multiply(Element element, float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) = 0;

  // ---- Hopper: see templates/hopper_primitives.cuh ----

  /// A product of one warp of a warpgroup: its 16 of 64 rows, `columns` columns, 16 summed elements.
  struct Product {
    Element element;
    int columns;
    float (*c)[4];
    const uint32_t *a; ///< registers; null: in shared memory, described by `left`
    uint64_t left, right;
    bool adds;
  };
  virtual uint32_t ballot(bool x) = 0;
  virtual int broadcast(int x) = 0; ///< lane 0's

  virtual void phaseInit(uint32_t barrier, int arrivals) = 0;
  virtual void phaseArrive(uint32_t barrier, int expected_bytes) = 0;
  virtual void phaseArriveAfterCopies(uint32_t barrier) = 0; ///< all asynchronous copies of this thread
  virtual void phaseWait(uint32_t barrier, uint32_t parity) = 0;
  virtual void meeting(int number, int threads, bool waits) = 0;
  /// `at`: feature, row, head, batch of the box's first element.
  virtual void copyBox(uint32_t to, const void *map, const int (&at)[4], uint32_t barrier) = 0;

  /// Products are carried out as late as they may: when they are waited for.
  virtual void multiplyLater(const Product &product) = 0;
  virtual void closeProducts() = 0;
  virtual void waitProducts(int under_way) = 0;

protected:
  ~HostMachine() = default;
};

#endif
