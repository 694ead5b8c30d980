// Stacks are switched by exchanging the stack pointer and the registers that a call must keep (System V ABI, x86-64).
#include "Fiber.h"

#include <cstdint>
#include <cstdlib>
#include <sys/mman.h>

#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define JVPGEN_ASAN(statement) statement
#else
#define JVPGEN_ASAN(statement)
#endif

#ifndef __x86_64__
#error "the emulator's fibers are written for x86-64"
#endif

using namespace jvpgen;

static constexpr size_t kStackBytes = size_t(1) << 20, kPage = 4096;

/// Saves this stack's registers and its pointer to *save, takes the other stack and its registers.
extern "C" void jvpgen_switch_stack(void **save, void *other);
asm(R"(
  .text
  .globl jvpgen_switch_stack
  .type jvpgen_switch_stack, @function
jvpgen_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size jvpgen_switch_stack, . - jvpgen_switch_stack
)");

static thread_local Fiber *running = nullptr;

Fiber::Fiber() {
  void *memory = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  stack = static_cast<unsigned char *>(memory);
  mprotect(stack, kPage, PROT_NONE); // an overflow ends the process instead of reaching other memory
}

Fiber::~Fiber() { munmap(stack, kStackBytes); }

void Fiber::start(std::function<void()> function) {
  body = std::move(function);
  done = false;
  own_fake = nullptr;
  JVPGEN_ASAN(__asan_unpoison_memory_region(stack + kPage, kStackBytes - kPage));
  // What jvpgen_switch_stack pops: six registers, the address of `enter`; above it, the return address that `enter`
  // never uses.
  void **top = reinterpret_cast<void **>(stack + kStackBytes);
  for (int k = 1; k <= 8; ++k) top[-k] = nullptr;
  top[-2] = reinterpret_cast<void *>(&Fiber::enter);
  own = top - 8;
}

void Fiber::enter() {
  Fiber *self = running;
  JVPGEN_ASAN(__sanitizer_finish_switch_fiber(nullptr, &self->caller_bottom, &self->caller_size));
  self->body();
  self->done = true;
  self->switchBack(true);
}

void Fiber::resume() {
  running = this;
  JVPGEN_ASAN(__sanitizer_start_switch_fiber(&caller_fake, stack + kPage, kStackBytes - kPage));
  jvpgen_switch_stack(&caller, own);
  JVPGEN_ASAN(__sanitizer_finish_switch_fiber(caller_fake, nullptr, nullptr));
  running = nullptr;
}

void Fiber::switchBack(bool for_good) {
  JVPGEN_ASAN(__sanitizer_start_switch_fiber(for_good ? nullptr : &own_fake, caller_bottom, caller_size));
  jvpgen_switch_stack(&own, caller);
  JVPGEN_ASAN(__sanitizer_finish_switch_fiber(own_fake, &caller_bottom, &caller_size));
}

void Fiber::yield() { running->switchBack(false); }
