#include <algorithm>
#include <cstdio>
#include <thread>

#include "tests/fault/kill/chain_under_fault.hpp"
#include "tests/fault/rig/failpoint_file.hpp"
#include "tests/fault/rig/hub_books.hpp"
#include "tests/fault/rig/supervisor.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int killed = 128 + 9;
constexpr int aborted = 128 + 6;

/// Every so many points by default, beginning anywhere; PERKLINE_FAILPOINT_STEP=1 asks for each of them.
std::uint64_t step_of(int by_default) {
  return static_cast<std::uint64_t>(std::max(1, asked_for("PERKLINE_FAILPOINT_STEP", by_default)));
}

/// Something happens to the edge, or the hub, at one of its writes, syncs, sends and receipts after another,
/// while a till takes a sale through all of its course.
class Failpoints : public ChainUnderFault {
 protected:
  enum class Victim : std::uint8_t { edge, hub };

  void start_with_failpoints(Victim victim) {
    victim_ = victim;
    ASSERT_NO_FATAL_FAILURE(start(1));
    if (victim == Victim::edge) {
      fleet_->set_edge_environment(
          0, failpoint_.environment(PERKLINE_FAILPOINT_LIBRARY, {.folder = fleet_->edge_data(0),
                                                                 .pdi_port = fleet_->sandbox_port(),
                                                                 .hub_port = fleet_->sync_port()}));
      fleet_->edge(0).terminate();
      ASSERT_TRUE(fleet_->start_edge(0));
    } else {
      fleet_->set_hub_environment(failpoint_.environment(
          PERKLINE_FAILPOINT_LIBRARY,
          {.folder = fleet_->hub_database().parent_path(), .hub_port = fleet_->sync_port()}));
      fleet_->hub().terminate();
      ASSERT_TRUE(fleet_->start_hub());
    }
    supervisor_.emplace(*fleet_);
    line_.emplace(TillLine::Options{
        .url = fleet_->edge_url(0), .key = fleet_->terminal_key(0), .repeat_after = milliseconds(10)});
  }

  Sale next_sale() {
    return {.transaction = "POINT-" + std::to_string(++sales_), .customer = "CUST-00007", .minor = 1500};
  }

  /// A sale and its return, one that is given up, and one that PDI hears of later.
  void run_course() {
    SaleCalls calls(*line_, taken_.complaints);
    const auto keep = [this](Sale sale) { taken_.sales.push_back(std::move(sale)); };
    Sale sold = next_sale();
    sold.return_transaction = sold.transaction + "-BACK";
    sold.return_minor = 500;
    EXPECT_TRUE(calls.identify(sold) && calls.price(sold) && calls.finalize(sold) && calls.give_back(sold));
    keep(std::move(sold));
    Sale given_up = next_sale();
    EXPECT_TRUE(calls.identify(given_up) && calls.price(given_up) && calls.abandon(given_up));
    keep(std::move(given_up));
    Sale waiting = next_sale();
    pdi(R"({"endpoint":"identify","mode":"status","status":503})");
    EXPECT_TRUE(calls.identify(waiting));
    pdi_is_well();
    EXPECT_TRUE(calls.price(waiting) && calls.finalize(waiting));
    keep(std::move(waiting));
  }

  /// Whether the hub knows all that became of the last course. (A command would be in the way of a daemon
  /// that starts.)
  bool is_at_rest() {
    const auto& sales = taken_.sales;
    const Sale& sold = sales.at(sales.size() - 3);
    const Sale& waiting = sales.back();
    const HubBooks books = read_hub_books(fleet_->hub_database_url());
    const auto finalized = [&](const Sale& sale) {
      return std::ranges::any_of(books.sales, [&](const HubBooks::Sale& known) {
        return known.session == sale.session && known.state == "finalized";
      });
    };
    return finalized(sold) && finalized(waiting) &&
           std::ranges::find(books.returns, sold.return_transaction, &HubBooks::Return::transaction) !=
               books.returns.end();
  }
  /// Until it has happened, or there is nothing left for it to happen to.
  void await_end(milliseconds patience) {
    const auto give_up = steady_clock::now() + patience;
    while (failpoint_.armed() && steady_clock::now() < give_up && !is_at_rest())
      std::this_thread::sleep_for(milliseconds(10));
    // The hub's last word is still on its way to the edge, and from there to the disk.
    const auto soon = steady_clock::now() + milliseconds(50);
    while (failpoint_.armed() && steady_clock::now() < soon) std::this_thread::sleep_for(milliseconds(5));
  }

  /// How many there are of each in one course.
  std::uint64_t points(Place place) {
    if (points_.empty()) {
      failpoint_.disarm();
      run_course();
      EXPECT_TRUE(eventually([&] { return is_at_rest(); }));
      std::this_thread::sleep_for(milliseconds(50));
      for (std::size_t i = 0; i < place_count; ++i)
        points_.push_back(failpoint_.count(static_cast<Place>(i)));
    }
    return points_[static_cast<std::size_t>(place)];
  }

  /// Every `step`-th point of that kind.
  void sweep(Happening happening, Place place, std::uint64_t step, milliseconds patience) {
    const std::uint64_t all = points(place);
    const auto before = failpoint_.happened();
    const std::size_t tried = tried_;
    for (std::uint64_t n = 1 + rng_.below(std::min(step, std::max<std::uint64_t>(all, 1))); n <= all;
         n += step) {
      failpoint_.arm(happening, place, n);
      run_course();
      await_end(patience);
      ++tried_;
      note_ends();
    }
    failpoint_.disarm();
    std::printf("%s %s: %zu of %llu points, %u hit\n", std::string(name_of(happening)).c_str(),
                std::string(name_of(place)).c_str(), tried_ - tried, static_cast<unsigned long long>(all),
                failpoint_.happened() - before);
    std::fflush(stdout);
    EXPECT_GT(all, 0u) << "nothing to happen at";
  }
  /// What one course does is not what another one does, to the last send; most points are.
  void expect_most_hit() const { EXPECT_GE(2 * failpoint_.happened(), tried_); }

  /// They are the victim's, and of the kind that is expected.
  void note_ends() {
    const auto ends = supervisor_->ends();
    for (; ends_ < ends.size(); ++ends_) {
      const auto& end = ends[ends_];
      EXPECT_EQ(end.part, victim_ == Victim::edge ? 0 : supervisor_->hub()) << "the other one ended";
      EXPECT_NE(std::ranges::find(statuses_expected_, end.status), statuses_expected_.end())
          << "status " << end.status << "\n"
          << log_end(victim_ == Victim::edge ? "edge-1" : "hub");
    }
  }

  bool every_end_is_seen() {
    return eventually([this] {
      note_ends();
      return ends_ == failpoint_.happened();
    });
  }

  Victim victim_ = Victim::edge;
  FailpointFile failpoint_{folder_.path() / "failpoint"};
  std::optional<Supervisor> supervisor_;
  std::optional<TillLine> line_;
  Tills::Taken taken_;
  std::size_t sales_ = 0;
  std::vector<std::uint64_t> points_;
  std::vector<int> statuses_expected_{killed};
  std::size_t ends_ = 0;  ///< Looked at.
  std::size_t tried_ = 0;
  SystemRng seed_;
  SeededRng rng_{seed_.next()};
};

class EdgeFailpoints : public Failpoints {};
class HubFailpoints : public Failpoints {};

TEST_F(EdgeFailpoints, CrashesAroundEachSyncSendAndAnswerLoseAndDoubleNothing) {
  ASSERT_NO_FATAL_FAILURE(start_with_failpoints(Victim::edge));
  const std::uint64_t step = step_of(8);
  for (const Place place : {Place::sync, Place::pdi_send, Place::hub_send}) {
    for (const Happening happening : {Happening::crash_before, Happening::crash_after})
      ASSERT_NO_FATAL_FAILURE(sweep(happening, place, step, milliseconds(700)));
  }
  for (const Place place : {Place::pdi_receive, Place::hub_receive})
    ASSERT_NO_FATAL_FAILURE(sweep(Happening::crash_before, place, step, milliseconds(700)));
  EXPECT_TRUE(every_end_is_seen());
  expect_most_hit();
  expect_whole(std::move(taken_));
}

TEST_F(EdgeFailpoints, AFailedWriteOrSyncEndsTheDaemonAndNothingAcknowledgedIsLost) {
  ASSERT_NO_FATAL_FAILURE(start_with_failpoints(Victim::edge));
  // Both a failure to systemd, which starts it again. What aborts is an assertion of RocksDB's on a thread of
  // its own, when the daemon's end is not quick enough for it.
  statuses_expected_ = {1, aborted};
  const std::uint64_t step = step_of(10);
  for (const Happening happening : {Happening::io_error, Happening::disk_full}) {
    for (const Place place : {Place::write, Place::sync})
      ASSERT_NO_FATAL_FAILURE(sweep(happening, place, step, milliseconds(700)));
  }
  EXPECT_GT(ends_, 0u);
  expect_most_hit();
  expect_whole(std::move(taken_));
}

TEST_F(EdgeFailpoints, AStartThatIsCutShortAtAnySyncIsMadeUpForByTheNext) {
  ASSERT_NO_FATAL_FAILURE(start_with_failpoints(Victim::edge));
  run_course();
  const std::uint64_t step = step_of(6);
  std::uint64_t cut_short = 0;
  for (const Happening happening : {Happening::crash_before, Happening::crash_after}) {
    for (std::uint64_t n = 1 + rng_.below(step);; n += step) {
      const auto before = failpoint_.happened();
      failpoint_.arm(happening, Place::sync, n);
      supervisor_->kill(0);
      run_course();
      if (failpoint_.happened() == before) break;
      ++cut_short;
    }
  }
  failpoint_.disarm();
  std::printf("%llu starts cut short\n", static_cast<unsigned long long>(cut_short));
  EXPECT_GT(cut_short, 1u);
  expect_whole(std::move(taken_));
}

TEST_F(HubFailpoints, CrashesAroundEachSyncWriteReceiptAndAckLoseAndDoubleNothing) {
  ASSERT_NO_FATAL_FAILURE(start_with_failpoints(Victim::hub));
  const std::uint64_t step = step_of(24);
  for (const Place place : {Place::sync, Place::hub_send, Place::write}) {
    for (const Happening happening : {Happening::crash_before, Happening::crash_after})
      ASSERT_NO_FATAL_FAILURE(sweep(happening, place, step, milliseconds(3000)));
  }
  ASSERT_NO_FATAL_FAILURE(sweep(Happening::crash_before, Place::hub_receive, step, milliseconds(3000)));
  EXPECT_TRUE(every_end_is_seen());
  expect_most_hit();
  expect_whole(std::move(taken_));
}

TEST_F(HubFailpoints, AFailedWriteOrSyncOfTheDatabaseLosesNothingThatWasAcknowledged) {
  ASSERT_NO_FATAL_FAILURE(start_with_failpoints(Victim::hub));
  statuses_expected_ = {1};  // if it does not go on by itself
  const std::uint64_t step = step_of(24);
  for (const Happening happening : {Happening::io_error, Happening::disk_full}) {
    for (const Place place : {Place::write, Place::sync})
      ASSERT_NO_FATAL_FAILURE(sweep(happening, place, step, milliseconds(3000)));
  }
  expect_most_hit();
  expect_whole(std::move(taken_));
}

}  // namespace
}  // namespace perkline::test
