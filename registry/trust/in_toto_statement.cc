#include "registry/trust/in_toto_statement.hh"

#include <nlohmann/json.hpp>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"

namespace osb::registry {
namespace {

constexpr std::string_view kStatementVersion = "https://in-toto.io/Statement/v1";
constexpr const char* kNameAnnotation = "docker-reference";
constexpr const char* kStatement = "statement";
constexpr const char* kSubject = "statement: subject";
constexpr std::size_t kMaxSubjects = 1024;

[[noreturn]] void refuse_statement(const std::string& problem) {
    throw Error(ErrorKind::invalid, problem);
}

// spec/v1/resource_descriptor.md
std::string subject_digest(const oci::Json& subject, const oci::Digest& manifest) {
    oci::require_only_members(
        subject, {"name", "uri", "digest", "content", "downloadLocation", "mediaType", "annotations"},
        kSubject);
    const std::string algorithm(manifest.algorithm_name());
    const auto digests = oci::string_map(subject, "digest", kSubject);
    const auto found = digests.find(algorithm);
    return found == digests.end() ? std::string() : found->second;
}

std::optional<std::string> subject_name(const oci::Json& subject) {
    const std::string name = oci::optional_string(subject, "name", kSubject);
    const oci::Json& annotations = oci::member_or_null(subject, "annotations");
    if (!annotations.is_null()) oci::require_object(annotations, "statement: 'annotations'");
    const std::string annotated = oci::optional_string(annotations, kNameAnnotation, kSubject);
    if (!name.empty() && !annotated.empty() && name != annotated)
        refuse_statement(
            concat("the signature is for two names, ", quoted(name), " and ", quoted(annotated)));
    if (name.empty() && annotated.empty()) return std::nullopt;
    return name.empty() ? annotated : name;
}

}  // namespace

std::optional<std::string> signed_name(std::string_view statement, const oci::Digest& manifest) {
    const oci::Json root = oci::parse_json(statement, kStatement);
    oci::require_only_members(root, {"_type", "subject", "predicateType", "predicate"}, kStatement);
    if (oci::required_string(root, "_type", kStatement) != kStatementVersion)
        refuse_statement(concat("statement: '_type' is not ", quoted(kStatementVersion)));
    const std::string& predicate = oci::required_string(root, "predicateType", kStatement);
    if (predicate != kSignaturePredicate)
        refuse_statement(concat("it has an attestation (", quoted(predicate), "), which is not a signature"));
    std::string other;
    for (const oci::Json& subject : oci::required_array(root, "subject", kMaxSubjects, kStatement)) {
        other = subject_digest(subject, manifest);
        if (other == manifest.hex()) return subject_name(subject);
    }
    refuse_statement(concat("the signature is for another image, ", quoted(other)));
}

}  // namespace osb::registry
