// libFuzzer's way in: compiled once for each target, which PERKLINE_FUZZ_TARGET names.
#include <cstddef>
#include <cstdint>

#include "shared/ops/log.hpp"
#include "tests/fuzz/targets.hpp"

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  perkline::ops::set_log_level(perkline::ops::Level::error);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  perkline::fuzz::PERKLINE_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
