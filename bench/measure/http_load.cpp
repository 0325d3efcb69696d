#include "bench/measure/http_load.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

namespace perkline::bench {
namespace {

constexpr std::size_t read_size = 64 * 1024;

/// A descriptor that closes itself.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

Fd connected(std::uint16_t port) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return Fd();
  return fd;
}

/// An answer's status, and where its body begins and ends.
struct Framed {
  int status = 0;
  std::size_t body = 0;
  std::size_t end = 0;
  bool closes = false;
};

bool names(std::string_view line, std::string_view header) {
  return line.size() > header.size() && line[header.size()] == ':' &&
         ::strncasecmp(line.data(), header.data(), header.size()) == 0;
}
std::string_view value_in(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(' ', line.find(':') + 1);
  return begin == std::string_view::npos ? std::string_view() : line.substr(begin);
}

/// nullopt: more of it has to come.
std::optional<Framed> frame(std::string_view text) {
  const std::size_t head_end = text.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return std::nullopt;
  constexpr std::size_t status_at = 9;  // "HTTP/1.1 "
  Framed framed{.body = head_end + 4};
  std::from_chars(text.data() + status_at, text.data() + status_at + 3, framed.status);
  std::size_t length = 0;
  for (std::size_t at = text.find("\r\n") + 2; at < head_end;) {
    const std::size_t line_end = text.find("\r\n", at);
    const std::string_view line = text.substr(at, line_end - at);
    at = line_end + 2;
    if (names(line, "Content-Length")) {
      const std::string_view digits = value_in(line);
      std::from_chars(digits.data(), digits.data() + digits.size(), length);
    } else if (names(line, "Connection")) {
      framed.closes = ::strncasecmp(value_in(line).data(), "close", 5) == 0;
    }
  }
  framed.end = framed.body + length;
  return text.size() < framed.end ? std::nullopt : std::optional(framed);
}

}  // namespace

void append_post(std::string& request, std::string_view path, std::string_view bearer, std::string_view body,
                 std::string_view more) {
  request.append("POST ").append(path).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\n");
  if (!bearer.empty()) request.append("Authorization: Bearer ").append(bearer).append("\r\n");
  request.append(more).append("Content-Type: application/json\r\nContent-Length: ");
  request.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
}

void append_get(std::string& request, std::string_view target, std::string_view bearer) {
  request.append("GET ").append(target).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\n");
  if (!bearer.empty()) request.append("Authorization: Bearer ").append(bearer).append("\r\n");
  request.append("\r\n");
}

struct HttpLoad::State {
  struct Connection {
    Fd fd;
    std::string unsent;  ///< Of the request.
    std::string answer;  ///< As far as it has come, if not in one piece.
    std::size_t kind = 0;
    bool on_its_way = false;
  };

  State(const Options& given, HttpScript& of) : options(given), script(of), events(given.connections) {}

  Result<void> open(std::size_t lane) {
    Connection& connection = connections[lane];
    connection.fd = connected(options.port);
    connection.answer.clear();
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = lane;
    if (connection.fd.get() < 0 || ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, connection.fd.get(), &event) != 0)
      return fail(Errc::connection_failed, fmt::format("nobody listens on port {}", options.port));
    return {};
  }

  void want_room(std::size_t lane, bool wanted) const {
    epoll_event event{};
    event.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.u64 = lane;
    ::epoll_ctl(epoll.get(), EPOLL_CTL_MOD, connections[lane].fd.get(), &event);
  }

  /// As much as there is room for. A broken connection shows when it is read.
  void send(std::size_t lane) {
    Connection& connection = connections[lane];
    const ssize_t sent = ::send(connection.fd.get(), connection.unsent.data(), connection.unsent.size(),
                                MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0 && static_cast<std::size_t>(sent) == connection.unsent.size()) {
      connection.unsent.clear();
      return;
    }
    connection.unsent.erase(0, sent > 0 ? static_cast<std::size_t>(sent) : 0);
    want_room(lane, true);
  }

  void complain(const Connection& connection, const std::string& of) {
    if (complaint.empty()) complaint = script.kinds()[connection.kind] + of;
  }

  Result<void> broken(std::size_t lane, std::vector<Ended>& ended) {
    Connection& connection = connections[lane];
    if (connection.on_its_way) {
      complain(connection, ": the server closed the connection");
      ended.push_back({.lane = lane, .kind = connection.kind, .ok = false});
    }
    connection.on_its_way = false;
    connection.unsent.clear();
    return open(lane);
  }

  Result<void> receive(std::size_t lane, std::vector<Ended>& ended) {
    Connection& connection = connections[lane];
    const ssize_t count = ::recv(connection.fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return {};
    if (count <= 0) return broken(lane, ended);
    std::string_view text(buffer.data(), static_cast<std::size_t>(count));
    if (!connection.answer.empty()) text = connection.answer.append(text);
    const auto framed = frame(text);
    if (!framed) {
      if (connection.answer.empty()) connection.answer = text;
      return {};
    }
    if (!connection.on_its_way || text.size() != framed->end)
      return fail(Errc::malformed_answer, "the server answers what nobody asked");
    const std::string_view body = text.substr(framed->body);
    const bool ok = script.answered(lane, framed->status, body);
    if (!ok) complain(connection, fmt::format(" was answered {}: {}", framed->status, body));
    connection.on_its_way = false;
    ended.push_back({.lane = lane, .kind = connection.kind, .ok = ok});
    connection.answer.clear();
    return framed->closes ? open(lane) : Result<void>();
  }

  Options options;
  HttpScript& script;
  Fd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  std::vector<Connection> connections{};
  std::vector<epoll_event> events;
  std::vector<char> buffer = std::vector<char>(read_size);
  std::string complaint{};  ///< The first.
};

HttpLoad::HttpLoad(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpLoad::~HttpLoad() = default;

Result<std::unique_ptr<HttpLoad>> HttpLoad::connect(const Options& options, HttpScript& script) {
  // Else the kernel wakes this thread up to 50 us late.
  ::prctl(PR_SET_TIMERSLACK, 1UL);
  auto state = std::make_unique<State>(options, script);
  state->connections.resize(options.connections);
  for (std::size_t lane = 0; lane < options.connections; ++lane) {
    if (auto opened = state->open(lane); !opened) return failure(opened);
  }
  return std::unique_ptr<HttpLoad>(new HttpLoad(std::move(state)));
}

std::size_t HttpLoad::lanes() const {
  return state_->connections.size();
}
std::vector<std::string> HttpLoad::kinds() const {
  return state_->script.kinds();
}

std::string HttpLoad::complaint() const {
  return state_->complaint;
}

Result<void> HttpLoad::begin(std::size_t lane) {
  State::Connection& connection = state_->connections[lane];
  connection.kind = state_->script.next(lane, connection.unsent);
  connection.on_its_way = true;
  state_->send(lane);
  return {};
}

Result<void> HttpLoad::poll(std::chrono::nanoseconds patience, std::vector<Ended>& ended) {
  // To the nanosecond: at a rate the next call is due within less than a millisecond, and a load that turned
  // round until then would take the core from a server that shares it, and look as busy as if it were too
  // slow.
  const auto whole = std::chrono::floor<std::chrono::seconds>(patience);
  const timespec wait{.tv_sec = whole.count(), .tv_nsec = (patience - whole).count()};
  const int ready = ::epoll_pwait2(state_->epoll.get(), state_->events.data(),
                                   static_cast<int>(state_->events.size()), &wait, nullptr);
  if (ready < 0 && errno != EINTR)
    return fail(Errc::io_failed, fmt::format("epoll_pwait2: {}", ::strerrordesc_np(errno)));
  for (int i = 0; i < ready; ++i) {
    const epoll_event& event = state_->events[static_cast<std::size_t>(i)];
    const std::size_t lane = event.data.u64;
    if ((event.events & EPOLLOUT) != 0) {
      state_->want_room(lane, false);
      if (!state_->connections[lane].unsent.empty()) state_->send(lane);
    }
    if ((event.events & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0) continue;
    if (auto received = state_->receive(lane, ended); !received) return received;
  }
  return {};
}

}  // namespace perkline::bench
