#pragma once

#include <optional>
#include <string>

#include "tests/fault/misbehaviour/matrix.hpp"
#include "tests/support/fake_pdi.hpp"
#include "tests/support/tcp_proxy.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_certificates.hpp"

namespace perkline::test {

/// What PDIs show when they are called over TLS. Made once, for many of them.
struct ProviderPapers {
  TestCertificates authority;
  TestCertificates::Files by_address = authority.server("127.0.0.1");
  TestCertificates::Files by_name = authority.server("pdi.test");
  TestCertificates::Files of_another = authority.server("another.test");
};

/// A PDI over TLS that can be made to misbehave in every way there is, at one endpoint, with a line of its
/// own to each of its two origins: PDI's calls and the token endpoint. What is wrong with a line is wrong
/// with all calls on it.
class OddProvider {
 public:
  using Call = FakePdi::Call;

  /// `kind`: what it will be told to do. `papers` must outlive it.
  OddProvider(const ProviderPapers& papers, Misbehaviour kind);

  /// Of an edge's `pdi` section.
  std::string url() const { return origin_of(calls_line_); }
  std::string token_url() const { return origin_of(token_line_) + "/oauth/token"; }
  /// What the edge is to be started with, so that names can be lost: `NAME=value`.
  std::vector<std::string> environment() const;

  /// From now on, open connections included.
  void misbehave(Call at) { misbehave(kind_, at); }
  void misbehave(Misbehaviour kind, Call at);
  void behave();
  /// For so long PDI asks not to be called, with a 429.
  static constexpr seconds asked_for_patience{15};

  FakePdi& books() { return books_; }

 private:
  std::string origin_of(const TcpProxy& line) const;
  TcpProxy& line_of(Call at) { return at == Call::token ? token_line_ : calls_line_; }
  void spoil_line(Misbehaviour kind, TcpProxy& line);
  void lie(Call at, std::string member, std::string raw);
  void know_names(bool known);

  Misbehaviour kind_;
  TempDir folder_;
  FakePdi books_;
  std::optional<FakePdi> another_;  ///< Whom a line leads to instead.
  TcpProxy calls_line_;
  TcpProxy token_line_;
};

}  // namespace perkline::test
