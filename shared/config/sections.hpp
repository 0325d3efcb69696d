#pragma once

#include <string>

#include "shared/config/schema.hpp"

/// Sections that more than one of our configurations has.
namespace perkline::config {

struct TlsFiles {
  std::string cert_file;  ///< PEM, chain. Empty, with key_file: no TLS.
  std::string key_file;
};
/// The section `tls`: both files or none.
void describe_tls(Schema& schema, TlsFiles& tls);

struct LogSettings {
  std::string level = "info";   ///< debug, info, warn, error
  std::string format = "json";  ///< json, text
};
/// The section `log`.
void describe_log(Schema& schema, LogSettings& log);

/// `key`, an address to listen on.
void describe_listen(Schema& schema, std::string_view key, std::string& listen);

}  // namespace perkline::config
