#include "edge/journal/restored.hpp"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "edge/journal/journal_memory.hpp"
#include "shared/core/bytes.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::edge::journal {
namespace {

constexpr std::chrono::sys_days first_of_march{std::chrono::year{2026} / 3 / 1};
constexpr Restored example{.backed_up_at = first_of_march + Millis{250},
                           .restored_at = first_of_march + hours{30}};

class RestoredTest : public ::testing::Test {
 protected:
  void commit(Batch batch) {
    struct Run {
      static Task<bool> commit(Journal& journal, Batch batch) {
        co_await journal.commit(std::move(batch));
        co_return true;
      }
    };
    test::run_task(world_, Run::commit(journal, std::move(batch)));
  }

 private:
  test::VirtualTime time_;
  test::SimWorld world_{time_};
  MemoryDisk disk_;

 protected:
  JournalMemory journal{disk_, world_.clock()};
};

TEST_F(RestoredTest, IsThereFromTheRestoreUntilAllIsKnown) {
  EXPECT_EQ(read_restored(journal).value(), std::nullopt);
  Batch restore;
  put(restore, example);
  commit(std::move(restore));
  EXPECT_EQ(read_restored(journal).value(), example);
  Batch learnt;
  clear_restored(learnt);
  commit(std::move(learnt));
  EXPECT_EQ(read_restored(journal).value(), std::nullopt);
}

TEST(Restored, IsReadInTheFormatThatIsOnDisksAlready) {
  std::ifstream in(std::string(PERKLINE_GOLDEN_DIR) + "/restored_1.hex");
  std::string hex{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  hex.pop_back();
  EXPECT_EQ(to_hex(encode(example)), hex);
  EXPECT_EQ(decode_restored(*from_hex(hex)).value(), example);
}

TEST(Restored, WhatIsNoMarkIsAnError) {
  const std::string whole = encode(example);
  for (const std::string& record : {std::string(), whole.substr(1), whole.substr(0, 16), whole + "x"}) {
    const auto read = decode_restored(record);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Errc::corrupt) << to_hex(record);
  }
  EXPECT_EQ(decode_restored("\x02" + whole.substr(1)).error().code, Errc::newer_format);
}

}  // namespace
}  // namespace perkline::edge::journal
