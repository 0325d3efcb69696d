#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace perkline::test {

/// An OpenAPI 3.1 document as what answers are held against, by the part of JSON Schema that our documents
/// use; a keyword beyond it is a fault, so that nothing goes unchecked. Stricter than JSON Schema in one
/// thing: a member that a schema with `properties` does not name is a fault, unless the schema says
/// additionalProperties. Any thread.
class AnswerSchemas {
 public:
  explicit AnswerSchemas(std::string_view yaml);
  ~AnswerSchemas();

  struct Answer {
    std::string method;
    std::string path;  ///< As it was called; a query is left out.
    int status = 0;
    std::string content_type;  ///< Empty: none.
    std::string body;
  };
  /// Where the answer is not what the document says, a sentence each. Of a path or method that is not in it
  /// only a problem is expected.
  std::vector<std::string> faults(const Answer& answer) const;

 private:
  struct Document;
  std::unique_ptr<const Document> document_;
};

}  // namespace perkline::test
