#include "tests/fault/sync/odd_store.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "bench/fleet/child.hpp"
#include "bench/fleet/web.hpp"
#include "shared/core/limits.hpp"
#include "tests/fault/sync/hub_line.hpp"
#include "tests/integration/paths.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/raw_http.hpp"

namespace perkline::test {
namespace {

constexpr const char* frames_total = "perkline_hub_sync_frames_total";
constexpr const char* refused_total = "perkline_hub_sync_refused_keys_total";
/// Long enough for an answer, had there been one.
constexpr Millis no_answer{700};

/// A real hub with a real store, and others that come with keys of their own.
class OddStores : public HubLineTest {
 protected:
  /// Let in under that name, with two sales to tell of.
  std::unique_ptr<OddStore> known(const std::string& name) {
    auto store = stranger(name);
    admit(name, store->public_key());
    EXPECT_TRUE(store->comes_in());
    for (int i = 0; i < 2; ++i) store->history().add(store->history().sale(30));
    return store;
  }
  std::unique_ptr<OddStore> stranger(const std::string& name) {
    return std::make_unique<OddStore>(options(name));
  }
  OddStore::Options options(const std::string& name) {
    std::ifstream file(fleet().hub_config().parent_path() / "hub.key");
    std::string secret;
    file >> secret;
    return {.hub = "tcp://127.0.0.1:" + std::to_string(fleet().sync_port()),
            .hub_public_key = net::public_key_of(secret).value(),
            .says_it_is = StoreId(name)};
  }
  void admit(const std::string& name, const std::string& key) {
    const auto added = fleet().hub_command({"store", "add", name, "--public-key", key});
    ASSERT_TRUE(added && added->status == 0) << (added ? added->err : "");
  }
  std::size_t sales_of(const std::string& store) {
    const auto sales = books().sales;
    return static_cast<std::size_t>(
        std::ranges::count(sales, store, [](const HubBooks::Sale& sale) { return sale.store; }));
  }
  std::size_t frames(const std::string& verdict) {
    return hub_counter(frames_total, "verdict=\"" + verdict + '"');
  }
  void TearDown() override {
    // Whatever was said, the honest store is served and the books are whole.
    sell("HONEST-1");
    EXPECT_TRUE(catches_up());
    EXPECT_EQ(booked("HONEST-1"), 1u);
    expect_hub_verifies();
  }
};

template <class T>
T heard(const std::optional<sync::Frame>& frame) {
  const T* told = frame ? std::get_if<T>(&*frame) : nullptr;
  EXPECT_NE(told, nullptr) << (frame ? static_cast<int>(frame->index()) : -1);
  return told == nullptr ? T{} : *told;
}

TEST_F(OddStores, ABatchSaidAgainIsAcknowledgedAndHasNoEffect) {
  const auto store = known("store-again");
  ASSERT_EQ(store->cursor(), 0u);
  const auto batch = store->history().batch(1, 2);
  EXPECT_EQ(heard<sync::Ack>(store->ask(batch)).through, 2u);
  for (int i = 0; i < 3; ++i) {
    const auto ack = heard<sync::Ack>(store->ask(batch));
    EXPECT_EQ(ack.through, 2u);
    EXPECT_EQ(ack.hash, batch.hash);
  }
  EXPECT_EQ(heard<sync::Ack>(store->ask(store->history().batch(1, 1))).through, 2u) << "a part of it";
  EXPECT_EQ(sales_of("store-again"), 2u);
  EXPECT_EQ(store->cursor(), 2u);
  EXPECT_EQ(frames("repeated"), 4u);
}

TEST_F(OddStores, BatchesOutOfOrderAreAskedForAndTakenInOrder) {
  const auto store = known("store-order");
  ASSERT_EQ(store->cursor(), 0u);
  EXPECT_EQ(heard<sync::Nack>(store->ask(store->history().batch(2, 2))).expected, 1u);
  EXPECT_EQ(sales_of("store-order"), 0u);
  EXPECT_EQ(heard<sync::Ack>(store->ask(store->history().batch(1, 1))).through, 1u);
  EXPECT_EQ(heard<sync::Ack>(store->ask(store->history().batch(2, 2))).through, 2u);
  EXPECT_EQ(heard<sync::Ack>(store->ask(store->history().batch(1, 1))).through, 2u);
  EXPECT_EQ(heard<sync::Ack>(store->ask(store->history().batch(1, 2))).through, 2u);
  EXPECT_EQ(sales_of("store-order"), 2u);
}

/// What is wrong with a batch that says it goes on from the first event.
struct Forgery {
  const char* name;
  void (*forge)(sync::Batch& batch);
};

constexpr Forgery forgeries[] = {
    {"another hash", [](sync::Batch& batch) { batch.hash[0] ^= 1; }},
    {"another hash before", [](sync::Batch& batch) { batch.previous_hash[31] ^= 1; }},
    {"a flipped bit in an event", [](sync::Batch& batch) { batch.events[0].back() ^= 1; }},
    {"an event left out", [](sync::Batch& batch) { batch.events.pop_back(); }},
    {"an event put in", [](sync::Batch& batch) { batch.events.push_back(batch.events[0]); }},
    {"events changed over", [](sync::Batch& batch) { std::swap(batch.events[0], batch.events[1]); }},
    {"no events", [](sync::Batch& batch) { batch.events.clear(); }},
};

TEST_F(OddStores, ForgedBatchesAreDroppedAndCounted) {
  const auto store = known("store-forged");
  store->history().add(store->history().sale(30));
  ASSERT_EQ(store->cursor(), 0u);
  ASSERT_EQ(heard<sync::Ack>(store->ask(store->history().batch(1, 1))).through, 1u);
  std::size_t dropped = frames("malformed");
  for (const Forgery& forgery : forgeries) {
    SCOPED_TRACE(forgery.name);
    sync::Batch batch = store->history().batch(2, 3);
    forgery.forge(batch);
    store->say(batch);
    EXPECT_TRUE(eventually([&] { return frames("malformed") == dropped + 1; }));
    dropped = frames("malformed");
    EXPECT_EQ(sales_of("store-forged"), 1u);
  }
  EXPECT_FALSE(store->hear(no_answer)) << "a forged batch is not answered";
  EXPECT_EQ(store->cursor(), 1u);
  EXPECT_EQ(heard<sync::Ack>(store->ask(store->history().batch(2, 3))).through, 3u) << "the honest one";
  EXPECT_EQ(sales_of("store-forged"), 3u);
}

/// Right in itself, and not the history that the hub knows.
TEST_F(OddStores, AnotherHistoryIsAForkAndNothingOfItIsTaken) {
  const auto store = known("store-fork");
  ASSERT_EQ(store->cursor(), 0u);
  ASSERT_EQ(heard<sync::Ack>(store->ask(store->history().batch(1, 2))).through, 2u);
  StoreHistory honest = store->history();
  store->history().clear();
  for (int i = 0; i < 3; ++i) store->history().add(store->history().sale(1'000'000));
  EXPECT_EQ(heard<sync::Fork>(store->ask(store->history().batch(3, 3))).reason,
            sync::ForkReason::hash_differs);
  EXPECT_EQ(heard<sync::Fork>(store->ask(store->history().batch(1, 3))).reason,
            sync::ForkReason::hash_differs);
  store->history().epoch = 2;
  EXPECT_EQ(heard<sync::Fork>(store->ask(store->history().batch(1, 1))).reason,
            sync::ForkReason::epoch_unknown);
  EXPECT_EQ(sales_of("store-fork"), 2u);
  EXPECT_EQ(heard<sync::Ack>(store->ask(honest.batch(2, 2))).through, 2u);
}

TEST_F(OddStores, AStoreSpeaksForItselfAlone) {
  sell("OWN-1");
  ASSERT_TRUE(catches_up());
  const auto store = known("store-false");
  ASSERT_EQ(store->cursor(), 0u);
  // A Hello under the real store's name, and a batch that claims to be a piece of its history.
  sync::Hello hello = store->history().hello();
  hello.store = StoreId(fleet().store_id(0));
  store->say(hello);
  EXPECT_TRUE(eventually([&] { return frames("foreign") == 1u; }));
  EXPECT_FALSE(store->hear(no_answer));

  const std::size_t before = sales_of(fleet().store_id(0));
  store->history().add(store->history().sale(70), [&](sync::Event& event) { event.store = hello.store; });
  EXPECT_EQ(heard<sync::Ack>(store->ask(store->history().batch(1, 3))).through, 3u)
      << "one bad event never blocks a store";
  EXPECT_EQ(books().dead_letters, 1);
  EXPECT_EQ(sales_of("store-false"), 2u);
  EXPECT_EQ(sales_of(fleet().store_id(0)), before);

  // The real store's name on the connection itself, under this one's key.
  OddStore::Options false_name = options(fleet().store_id(0));
  false_name.keys = net::make_curve_keys();
  admit("store-false", false_name.keys.public_key);
  OddStore impostor(false_name);
  ASSERT_TRUE(impostor.comes_in());
  const std::size_t refused = hub_counter(refused_total);
  impostor.say(impostor.history().hello());
  EXPECT_TRUE(eventually([&] { return hub_counter(refused_total) > refused; }));
  EXPECT_FALSE(impostor.hear(no_answer));
}

TEST_F(OddStores, AKeyThatIsNoStoresIsRefused) {
  const std::size_t refused = hub_counter(refused_total);
  const auto store = stranger(fleet().store_id(0));
  store->say(store->history().hello());
  EXPECT_TRUE(eventually([&] { return store->state() == net::LinkState::refused; }));
  EXPECT_GT(hub_counter(refused_total), refused);
  EXPECT_FALSE(store->hear(no_answer));
}

TEST_F(OddStores, GarbageIsCountedAndTheHubServesOn) {
  const auto store = known("store-noise");
  ASSERT_EQ(store->cursor(), 0u);
  const std::size_t dropped = frames("malformed");
  SeededRng rng(7);
  for (std::size_t i = 1; i <= 20; ++i) {
    std::string noise(1 + rng.below(3000), '\0');
    rng.fill({reinterpret_cast<std::uint8_t*>(noise.data()), noise.size()});
    store->say(noise);
    EXPECT_TRUE(eventually([&] { return frames("malformed") >= dropped + i; })) << i;
  }
  // Longer than any frame may be: ZeroMQ hangs up, and the hub lives.
  store->say(std::string(limits::sync_frame_bytes_max + 1, 'x'));
  const std::string greeting("\xff\0\0\0\0\0\0\0\1\x7f\3", 11);
  for (const std::string& words : {std::string("GET / HTTP/1.1\r\nHost: hub\r\n\r\n"), greeting}) {
    RawHttp caller(fleet().sync_port());
    caller.send(words);
    EXPECT_TRUE(caller.is_closed());
  }
  EXPECT_EQ(sales_of("store-noise"), 0u);
}

/// Most of it is the store's patience with a hub that has fallen silent.
class RevokedKey : public OddStores {};

TEST_F(RevokedKey, StoreSellsOnAndComesBackWithAnother) {
  sell("BEFORE-1");
  ASSERT_TRUE(catches_up());
  const auto revoked = fleet().hub_command({"store", "revoke-key", fleet().store_id(0)});
  ASSERT_TRUE(revoked && revoked->status == 0);
  const std::size_t refused = hub_counter(refused_total);
  ASSERT_TRUE(eventually(
      [&, i = 0]() mutable {
        sell("REVOKED-" + std::to_string(++i));
        return hub_counter(refused_total) > refused;
      },
      std::chrono::seconds(60)))
      << "within a minute";
  EXPECT_TRUE(eventually([&] { return standing() == "refused"; }, std::chrono::seconds(60))) << standing();
  const std::int64_t applied = events_applied(fleet().hub_database_url());
  sell("REVOKED-LAST");
  EXPECT_EQ(events_applied(fleet().hub_database_url()), applied);
  EXPECT_EQ(booked("REVOKED-LAST"), 0u);

  const std::string key_file = fleet().edge_config(0).replace_extension("key").string();
  std::filesystem::remove(key_file);
  const auto key =
      bench::run_command(std::filesystem::path(bin_dir()) / "perkline-edge", {"keygen", "--out", key_file});
  ASSERT_TRUE(key && key->status == 0) << (key ? key->err : "");
  admit(fleet().store_id(0), key->out.substr(0, key->out.find('\n')));
  fleet().edge(0).terminate();
  ASSERT_TRUE(fleet().start_edge(0));
  EXPECT_TRUE(catches_up());
  EXPECT_EQ(booked("REVOKED-LAST"), 1u);
  EXPECT_EQ(booked("REVOKED-1"), 1u);
}

}  // namespace
}  // namespace perkline::test
