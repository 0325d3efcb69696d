// What the line between stores and hub carries at most: DEALERs to one ROUTER over loopback with CURVE,
// batches of records in one message each, each batch answered, so many on their way as the hub's credit
// allows.
#include <array>
#include <atomic>
#include <cstdlib>
#include <thread>

#include <CLI/CLI.hpp>
#include <zmq.h>

#include "bench/ceiling/report.hpp"
#include "shared/core/limits.hpp"

namespace {

using namespace perkline;
using namespace perkline::bench;

struct Flags {
  double seconds = 5;
  std::size_t batch = 256;  ///< Records.
  std::size_t bytes = 200;  ///< A record, which is what a sale's event comes to on the wire.
  std::size_t dealers = 1;
};

constexpr std::size_t key_text = 41;  ///< Z85 with its end.
struct Keys {
  std::array<char, key_text> open{};
  std::array<char, key_text> secret{};
  Keys() { zmq_curve_keypair(open.data(), secret.data()); }
};

void must(bool done, const char* what) {
  if (done) return;
  fmt::print(stderr, "ceiling-zmq: {}: {}\n", what, zmq_strerror(zmq_errno()));
  std::exit(1);
}

/// Answers every batch with one byte until told to stop.
void serve(void* router, const std::atomic<bool>& stopping) {
  while (!stopping) {
    zmq_msg_t peer;
    zmq_msg_t batch;
    zmq_msg_init(&peer);
    zmq_msg_init(&batch);
    if (zmq_msg_recv(&peer, router, 0) >= 0 && zmq_msg_recv(&batch, router, 0) >= 0) {
      must(zmq_msg_send(&peer, router, ZMQ_SNDMORE) >= 0, "send");
      must(zmq_send(router, "a", 1, 0) == 1, "send");
    }
    zmq_msg_close(&peer);
    zmq_msg_close(&batch);
  }
}

class Dealer {
 public:
  Dealer(void* context, const char* endpoint, const Keys& hub, const Flags& flags)
      : flags_(flags), payload_(flags.batch * flags.bytes, 'r'), socket_(zmq_socket(context, ZMQ_DEALER)) {
    zmq_setsockopt(socket_, ZMQ_CURVE_SERVERKEY, hub.open.data(), key_text);
    zmq_setsockopt(socket_, ZMQ_CURVE_PUBLICKEY, keys_.open.data(), key_text);
    zmq_setsockopt(socket_, ZMQ_CURVE_SECRETKEY, keys_.secret.data(), key_text);
    const int no_linger = 0;
    zmq_setsockopt(socket_, ZMQ_LINGER, &no_linger, sizeof no_linger);
    must(zmq_connect(socket_, endpoint) == 0, "connect");
  }
  Dealer(const Dealer&) = delete;
  Dealer& operator=(const Dealer&) = delete;
  ~Dealer() { zmq_close(socket_); }

  void run(double seconds, Measured& measured) {
    std::array<Measured::Clock::time_point, limits::sync_window_batches> sent;
    std::size_t sent_count = 0;
    std::size_t answered = 0;
    const Measured time("");
    while (time.elapsed().count() < seconds || answered < sent_count) {
      while (sent_count - answered < sent.size() && time.elapsed().count() < seconds) {
        sent[sent_count++ % sent.size()] = Measured::Clock::now();
        must(zmq_send(socket_, payload_.data(), payload_.size(), 0) >= 0, "send");
      }
      if (answered == sent_count) break;
      char answer = 0;
      must(zmq_recv(socket_, &answer, 1, 0) == 1, "receive");
      measured.add(flags_.batch, Measured::Clock::now() - sent[answered++ % sent.size()]);
    }
  }

 private:
  const Flags& flags_;
  std::string payload_;
  Keys keys_;
  void* socket_;
};

void run_all(std::vector<std::unique_ptr<Dealer>>& dealers, double seconds, Measured& all) {
  std::vector<Measured> each(dealers.size(), Measured(""));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < dealers.size(); ++i)
    threads.emplace_back([&, i] { dealers[i]->run(seconds, each[i]); });
  for (std::thread& thread : threads) thread.join();
  for (const Measured& one : each) all.merge(one);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The line between stores and hub by ZeroMQ alone", "ceiling-zmq");
  Flags flags;
  app.add_option("--seconds", flags.seconds)->check(CLI::PositiveNumber);
  app.add_option("--batch", flags.batch, "records a message")->check(CLI::Range(1, 100'000));
  app.add_option("--bytes", flags.bytes, "a record")->check(CLI::Range(1, 100'000));
  app.add_option("--dealers", flags.dealers)->check(CLI::Range(1, 64));
  CLI11_PARSE(app, argc, argv);

  void* context = zmq_ctx_new();
  const Keys keys;
  void* router = zmq_socket(context, ZMQ_ROUTER);
  const int one = 1;
  const int no_linger = 0;
  const int patience_ms = 100;
  zmq_setsockopt(router, ZMQ_CURVE_SERVER, &one, sizeof one);
  zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, keys.secret.data(), key_text);
  zmq_setsockopt(router, ZMQ_LINGER, &no_linger, sizeof no_linger);
  zmq_setsockopt(router, ZMQ_RCVTIMEO, &patience_ms, sizeof patience_ms);
  must(zmq_bind(router, "tcp://127.0.0.1:*") == 0, "bind");
  std::array<char, 256> endpoint{};
  std::size_t endpoint_size = endpoint.size();
  zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint.data(), &endpoint_size);

  std::atomic<bool> stopping{false};
  std::thread server([&] { serve(router, stopping); });
  {
    std::vector<std::unique_ptr<Dealer>> dealers;
    for (std::size_t i = 0; i < flags.dealers; ++i)
      dealers.push_back(std::make_unique<Dealer>(context, endpoint.data(), keys, flags));
    Measured warm_up("warm-up");
    run_all(dealers, flags.seconds / 10, warm_up);
    Measured measured("ceiling-zmq");
    run_all(dealers, flags.seconds, measured);
    measured.print();
  }
  stopping = true;
  server.join();
  zmq_close(router);
  zmq_ctx_term(context);
  return 0;
}
