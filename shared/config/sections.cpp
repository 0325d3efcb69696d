#include "shared/config/sections.hpp"

#include "shared/config/rules.hpp"

namespace perkline::config {

void describe_tls(Schema& schema, TlsFiles& tls) {
  schema.section("tls", [&](Schema& s) {
    s.file("cert_file", tls.cert_file);
    s.file("key_file", tls.key_file);
    if (!tls.cert_file.empty() && tls.key_file.empty()) s.fault("key_file", "is required with cert_file");
    if (tls.cert_file.empty() && !tls.key_file.empty()) s.fault("cert_file", "is required with key_file");
  });
}

void describe_log(Schema& schema, LogSettings& log) {
  schema.section("log", [&](Schema& s) {
    s.text("level", log.level, {.required = true, .choices = {"debug", "info", "warn", "error"}});
    s.text("format", log.format, {.required = true, .choices = {"json", "text"}});
  });
}

void describe_listen(Schema& schema, std::string_view key, std::string& listen) {
  schema.text(key, listen, {.required = true, .choices = {}});
  check(schema, key, wrong_listen(listen));
}

}  // namespace perkline::config
