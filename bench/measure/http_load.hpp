#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/measure/load.hpp"

namespace perkline::bench {

/// What an HttpLoad says on each connection, and what it makes of the answers. Called on the load's thread.
class HttpScript {
 public:
  virtual ~HttpScript() = default;
  virtual std::vector<std::string> kinds() const { return {"call"}; }
  /// Appends the lane's next request to `request`, head and body. Gives its kind.
  virtual std::size_t next(std::size_t lane, std::string& request) = 0;
  /// Whether that is what should have been answered.
  virtual bool answered(std::size_t lane, int status, std::string_view body) = 0;
};

/// `POST path` with a JSON body; `bearer` empty: no Authorization. `more`: further header lines, each with
/// its end.
void append_post(std::string& request, std::string_view path, std::string_view bearer, std::string_view body,
                 std::string_view more = {});
void append_get(std::string& request, std::string_view target, std::string_view bearer);

/// Keep-alive connections to a server on 127.0.0.1, all on one thread: a plain HTTP/1.1 client that knows
/// just what servers of ours answer (Content-Length, no chunks), so that it takes less time than they do. A
/// connection that the server closes is made anew; an operation that was on its way there has failed.
class HttpLoad final : public Load {
 public:
  struct Options {
    std::uint16_t port;
    std::size_t connections;
  };
  /// `script` outlives it. Errors: connection_failed.
  static Result<std::unique_ptr<HttpLoad>> connect(const Options& options, HttpScript& script);
  ~HttpLoad() override;

  std::size_t lanes() const override;
  std::vector<std::string> kinds() const override;
  std::string complaint() const override;
  Result<void> begin(std::size_t lane) override;
  Result<void> poll(std::chrono::nanoseconds patience, std::vector<Ended>& ended) override;

 private:
  struct State;
  explicit HttpLoad(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace perkline::bench
