#include "tests/fault/misbehaviour/odd_provider.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "shared/core/assert.hpp"
#include "shared/core/limits.hpp"
#include "tests/fault/misbehaviour/paths.hpp"

namespace perkline::test {
namespace {

using Call = FakePdi::Call;
using net::Delivery;

net::ServerTls papers_for(const ProviderPapers& papers, Misbehaviour kind) {
  const auto& files = kind == Misbehaviour::dns ? papers.by_name : papers.by_address;
  return {.cert_file = files.cert_file, .key_file = files.key_file};
}

/// The member of a good answer that tells points, or what comes next to it.
std::string points_in(Call at) {
  switch (at) {
    case Call::identify:
      return "currentPoints";
    case Call::token:
      return "expires_in";
    case Call::calculate:
    case Call::finalize:
    case Call::status:
      break;
  }
  return "earnedPoints";
}

net::Response with_status(int status) {
  net::Response response = net::json_response(status, R"({"code":"ODD","message":"as PDI likes"})");
  if (status == 429)
    response.headers.add("Retry-After", std::to_string(OddProvider::asked_for_patience.count()));
  return response;
}

}  // namespace

OddProvider::OddProvider(const ProviderPapers& papers, Misbehaviour kind)
    : kind_(kind), books_(papers_for(papers, kind)), calls_line_(books_.port()), token_line_(books_.port()) {
  if (kind == Misbehaviour::tls) another_.emplace();
  if (kind == Misbehaviour::wrong_name)
    another_.emplace(
        net::ServerTls{.cert_file = papers.of_another.cert_file, .key_file = papers.of_another.key_file});
  know_names(true);
}

std::string OddProvider::origin_of(const TcpProxy& line) const {
  const char* host = kind_ == Misbehaviour::dns ? "pdi.test" : "127.0.0.1";
  return "https://" + std::string(host) + ':' + std::to_string(line.port());
}

std::vector<std::string> OddProvider::environment() const {
  if (kind_ != Misbehaviour::dns) return {};
  return {"LD_PRELOAD=" + name_service_library(), "PERKLINE_NAMES=" + folder_.file("names")};
}

/// In place: a running edge has the file mapped.
void OddProvider::know_names(bool known) {
  const int fd = ::open(folder_.file("names").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  PERKLINE_ASSERT(fd >= 0 && ::pwrite(fd, known ? "1" : "0", 1, 0) == 1);
  ::close(fd);
}

void OddProvider::lie(Call at, std::string member, std::string raw) {
  books_.spoil(at, [member = std::move(member), raw = std::move(raw)](const std::string& good) {
    const bool tells = good.find('"' + member + "\":") != std::string::npos;
    return tells ? with_member(good, member, raw) : good;
  });
}

void OddProvider::spoil_line(Misbehaviour kind, TcpProxy& line) {
  switch (kind) {
    case Misbehaviour::refused:
      return line.set({.kind = Toxic::Kind::refuse});
    case Misbehaviour::connect_timeout:
      return line.set({.kind = Toxic::Kind::deaf});
    case Misbehaviour::dns:
      know_names(false);
      return line.cut();
    default:
      return line.lead_to(another_->port());
  }
}

void OddProvider::misbehave(Misbehaviour kind, Call at) {
  constexpr Millis drip_pause{100};
  switch (kind) {
    case Misbehaviour::refused:
    case Misbehaviour::dns:
    case Misbehaviour::tls:
    case Misbehaviour::wrong_name:
    case Misbehaviour::connect_timeout:
      return spoil_line(kind, line_of(at));
    case Misbehaviour::hang:
      return books_.answer(at, {.delivery = Delivery::never});
    case Misbehaviour::reset_before:
      return books_.answer(at, {.delivery = Delivery::reset});
    case Misbehaviour::reset_amid:
      return books_.deliver(at, Delivery::torn);
    case Misbehaviour::drip:
      return books_.deliver(at, Delivery::drip, drip_pause);
    case Misbehaviour::truncated:
      return books_.deliver(at, Delivery::cut);
    case Misbehaviour::committed_unanswered:
      return books_.deliver(at, Delivery::never);
    case Misbehaviour::oversized:
      return books_.spoil(
          at, [](std::string good) { return std::move(good.append(limits::pdi_answer_bytes_max + 1, ' ')); });
    case Misbehaviour::not_json:
      return books_.spoil(at, [](const std::string&) { return "<html><body>Service</body></html>"; });
    case Misbehaviour::points_missing:
      return lie(at, points_in(at), "");
    case Misbehaviour::points_negative:
      return lie(at, points_in(at), "-5");
    case Misbehaviour::points_fractional:
      return lie(at, points_in(at), "450.5");
    case Misbehaviour::points_huge:
      return lie(at, points_in(at), "1e308");
    case Misbehaviour::points_string:
      return lie(at, points_in(at), R"("450")");
    case Misbehaviour::foreign_session:
      // Which session identify opens only PDI knows: there it is one that is none.
      if (at == Call::identify) return lie(at, "sessionId", "null");
      if (at == Call::token) return lie(at, "access_token", '"' + std::string(FakePdi::foreign_token) + '"');
      return lie(at, "sessionId", R"("fake-999999")");
    case Misbehaviour::status_401:
    case Misbehaviour::status_403:
    case Misbehaviour::status_404:
    case Misbehaviour::status_408:
    case Misbehaviour::status_429:
    case Misbehaviour::status_500:
    case Misbehaviour::status_503:
      return books_.answer(at, with_status(std::stoi(written(kind))));
  }
}

void OddProvider::behave() {
  know_names(true);
  for (TcpProxy* line : {&calls_line_, &token_line_}) {
    line->set({});
    if (another_) line->lead_to(books_.port());
  }
  books_.behave();
}

}  // namespace perkline::test
