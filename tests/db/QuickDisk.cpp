// Processes die in these tests, machines do not: what the system has been given is not lost, and waiting for the disk
// shows nothing.
#include "tests/runtime/RefusedCalls.h"

#include <gtest/gtest.h>

namespace {
struct QuickDisk : testing::Environment {
  void SetUp() override { jvpgen::RefusedCalls::now().fsync_pause_us = 100; }
};
const auto *const kQuickDisk = testing::AddGlobalTestEnvironment(new QuickDisk);
} // namespace
