#include "bench/demo/demo.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>
#include <thread>

#include <fmt/format.h>

#include "bench/demo/journey.hpp"
#include "bench/demo/reconcile.hpp"
#include "bench/demo/summary.hpp"
#include "bench/fleet/fleet.hpp"
#include "bench/fleet/mail_server.hpp"
#include "bench/fleet/reserved_port.hpp"
#include "bench/fleet/state_folder.hpp"
#include "bench/load/journey_csv.hpp"
#include "bench/load/sample.hpp"
#include "bench/measure/progress.hpp"

namespace perkline::bench {
namespace {

using std::chrono::seconds;

constexpr double sample_sales_per_second = 60;
constexpr std::size_t tills = 8;
constexpr std::size_t redeem_every = 4;
constexpr std::size_t return_every = 6;  ///< Some of them of sales that redeem.
constexpr seconds settle_patience{60};
constexpr std::uint16_t mail_port_offset = 25;

/// So that points are redeemed while PDI is dark too.
constexpr const char* offline_limits =
    "standin: { max_redeem_points_per_member_day: 200, max_redeem_points_store_day: 100000 }\n";

std::string smtp_yaml(std::uint16_t port) {
  return fmt::format(
      "smtp: {{ url: \"smtp://127.0.0.1:{}\", from: \"Perkline <noreply@perkline.example>\" }}\n", port);
}

void say(const std::string& text) {
  fmt::print(stderr, "{}\n", text);
}

/// What happens beside the tills while a spell is played.
using Trouble = Result<void> (*)(Fleet&, const std::atomic<bool>&);

Result<void> no_trouble(Fleet&, const std::atomic<bool>&) {
  return {};
}

/// Some finalizes are booked and never answered; then nothing comes through at all.
Result<void> pdi_outage(Fleet& fleet, const std::atomic<bool>& stop) {
  std::this_thread::sleep_for(seconds(1));
  const char* lost_answers = R"({"endpoint":"finalize","mode":"timeout_after_commit","probability":0.3})";
  if (auto set = fleet.set_fault(lost_answers); !set) return set;
  say("   PDI books some sales and does not answer");
  std::this_thread::sleep_for(seconds(2));
  if (auto set = fleet.set_fault(R"({"endpoint":"*","mode":"hang"})"); !set) return set;
  say("   PDI is dark; the stand-in answers the tills");
  for (int i = 0; i < 80 && !stop; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  auto back = fleet.set_fault(R"({"endpoint":"*","mode":"ok"})");
  say("   PDI is back; the queue settles");
  return back;
}

Result<void> hub_outage(Fleet& fleet, const std::atomic<bool>& stop) {
  std::this_thread::sleep_for(seconds(1));
  fleet.hub().kill();
  say("   the hub is gone; tills go on");
  for (int i = 0; i < 30 && !stop; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  auto started = fleet.start_hub();
  say("   the hub is back");
  return started;
}

Result<void> edge_killed(Fleet& fleet, const std::atomic<bool>&) {
  std::this_thread::sleep_for(seconds(1));
  fleet.edge(0).kill();
  say(fmt::format("   {}'s edge was killed with -9", fleet.store_id(0)));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  auto started = fleet.start_edge(0);
  say(fmt::format("   {}'s edge is back; its tills repeat what was not answered", fleet.store_id(0)));
  return started;
}

struct Spell {
  const char* title;
  Trouble trouble;
  double share;  ///< Of all baskets.
};
constexpr Spell spells[] = {{"normal spell", no_trouble, 0.25},
                            {"PDI outage", pdi_outage, 0.35},
                            {"hub outage", hub_outage, 0.2},
                            {"edge killed with -9", edge_killed, 0.2}};

class Demo {
 public:
  Demo(Fleet fleet, const MailServer* mails, const DemoOptions& options, const std::atomic<bool>& stop)
      : fleet_(std::move(fleet)),
        journey_(fleet_, mails, stop),
        mails_(mails),
        options_(options),
        stop_(stop) {}

  Result<void> play(const std::vector<Basket>& baskets) {
    std::size_t from = 0;
    for (const Spell& spell : spells) {
      const bool last = &spell == std::end(spells) - 1;
      const auto count = last ? baskets.size() - from
                              : static_cast<std::size_t>(spell.share * static_cast<double>(baskets.size()));
      if (auto played = play_spell(spell, {baskets.begin() + static_cast<std::ptrdiff_t>(from),
                                           baskets.begin() + static_cast<std::ptrdiff_t>(from + count)});
          !played)
        return played;
      from += count;
      if (stop_) return fail(Errc::cancelled, "stopped");
    }
    return {};
  }

  /// The second act, over stores that have settled. Whether every figure was right.
  bool play_journey() {
    say("== waiting until everything has settled");
    if (!all_agree(settle())) return false;
    say("== three members' journey");
    const bool right = journey_.play();
    std::ranges::copy(journey_.sold(), std::back_inserter(total_.sold));
    return right;
  }

  /// Whether tills, PDI and hub come to agree within `settle_patience`, and their table.
  bool print_reconciliation() {
    const auto all = settle();
    fmt::print("\n{}", all ? to_table(*all) : all.error().detail + "\n");
    fmt::print("\n{}", to_text(total_));
    return all_agree(all) && total_.failed.empty();
  }

  void print_addresses() const {
    fmt::print("\nhub API        {}   (ops {})\n", fleet_.hub_url(), fleet_.hub_ops_url());
    for (std::size_t i = 0; i < fleet_.edges(); ++i) {
      fmt::print("{} edge   {}   (ops {})   terminal key {}\n", fleet_.store_id(i), fleet_.edge_url(i),
                 fleet_.edge_ops_url(i), fleet_.terminal_key(i));
    }
    fmt::print("PDI sandbox    {}   (CA {})\nadmin          {} / {}\n", fleet_.sandbox_url(),
               fleet_.ca_file(), fleet_.admin_login(), fleet_.admin_password());
    fmt::print("{}", journey_.logins());
    if (mails_ != nullptr)
      fmt::print("mail server    {}   (what it took: {})\n", mails_->url(),
                 (options_.state_dir / "mails").string());
    std::fflush(stdout);
  }

 private:
  static bool all_agree(const Result<Reconciliation>& all) { return all && all->agree(); }

  /// What all come to once they agree, or when patience ends.
  Result<Reconciliation> settle() {
    const auto give_up = std::chrono::steady_clock::now() + settle_patience;
    while (true) {
      learn_outcomes(fleet_, total_.sold);
      auto all = reconcile(fleet_, total_.sold);
      if (all_agree(all) || stop_ || std::chrono::steady_clock::now() > give_up) return all;
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  }

  Result<void> play_spell(const Spell& spell, const std::vector<Basket>& baskets) {
    say(fmt::format("== {}: {} sales", spell.title, baskets.size()));
    ReplayOptions replay_options{.edges = {},
                                 .concurrency = tills,
                                 .rate = options_.baskets_file.empty() ? sample_sales_per_second : 0,
                                 .redeem_every = redeem_every,
                                 .return_every = return_every};
    for (std::size_t i = 0; i < fleet_.edges(); ++i)
      replay_options.edges.push_back({fleet_.edge_url(i), fleet_.terminal_key(i)});
    ReplaySummary summary;
    {
      Progress progress(spell.title, baskets.size());
      std::jthread playing([&] {
        summary = replay(baskets, replay_options, stop_, [&](std::size_t done) { progress.show(done); });
      });
      if (auto troubled = spell.trouble(fleet_, stop_); !troubled) return troubled;
    }
    add(total_, std::move(summary));
    return {};
  }

  Fleet fleet_;
  Journey journey_;
  const MailServer* mails_;  ///< Null: there is none.
  const DemoOptions& options_;
  const std::atomic<bool>& stop_;
  ReplaySummary total_;
};

Result<std::vector<Basket>> choose_baskets(const DemoOptions& options) {
  if (options.baskets_file.empty()) {
    const auto count = static_cast<std::size_t>(sample_sales_per_second * options.seconds);
    return sample_baskets({.baskets = count}, "DEMO-");
  }
  auto file = read_journey(options.baskets_file);
  if (!file) return failure(file);
  fmt::print("{}", to_text(*file));
  return std::move(file->baskets);
}

}  // namespace

int run_demo(const DemoOptions& options, const std::atomic<bool>& stop) {
  if (auto may = check_state(options.state_dir); !may) return say(may.error().detail), 1;
  const auto baskets = choose_baskets(options);
  if (!baskets) return say(baskets.error().detail), 1;
  say("== starting the sandbox, the hub and two edges");
  SystemRng rng;
  const auto mail_port = options.port_base == 0 ? ReservedPort::any(rng)
                                                : ReservedPort::given(options.port_base + mail_port_offset);
  const bool mails_go_out = !options.mail_dir.empty() && MailServer::is_in(options.mail_dir);
  auto fleet =
      Fleet::start({.bin_dir = options.bin_dir,
                    .state_dir = options.state_dir,
                    .edges = 2,
                    .port_base = options.port_base,
                    .pdi_quiet_ms = 2000,
                    .edge_yaml = {offline_limits, offline_limits},
                    .hub_yaml = journey_hub_yaml + (mails_go_out ? smtp_yaml(mail_port.number()) : "")});
  if (!fleet) return say(fleet.error().detail), 1;
  std::optional<MailServer> mails;
  if (mails_go_out) {
    auto started = MailServer::start({.npm_dir = std::filesystem::absolute(options.mail_dir),
                                      .port = mail_port.number(),
                                      .mails_file = options.state_dir / "mails",
                                      .log_file = options.state_dir / "mail.log"});
    if (!started) return say(started.error().detail), 1;
    mails.emplace(std::move(*started));
  }
  Demo demo(std::move(*fleet), mails ? &*mails : nullptr, options, stop);
  if (auto played = demo.play(*baskets); !played) return say(played.error().detail), 1;
  const bool right = demo.play_journey();
  const bool agree = demo.print_reconciliation();
  fmt::print(
      "\n{}\n{}\n",
      agree ? "Tills, PDI and the hub agree on every sale and every point." : "THEY DO NOT AGREE.",
      right ? "Every figure of the members' journey is right." : "THE MEMBERS' JOURNEY DID NOT END WELL.");
  if (!options.once) {
    demo.print_addresses();
    say("\nCtrl-C stops all.");
    while (!stop) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return agree && right ? 0 : 1;
}

}  // namespace perkline::bench
