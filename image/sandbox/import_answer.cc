#include "image/sandbox/import_answer.hh"

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/digest.hh"
#include "oci/documents/json_members.hh"

namespace osb::image {
namespace {

constexpr const char* kWhat = "the answer of the process in the sandbox";
constexpr std::size_t kMaxNotes = 100000;
constexpr std::size_t kMaxNote = 16UL * 1024;

}  // namespace

ImportAnswer answer_of(const ostree::ImportResult& result) {
    return {.commit = result.commit,
            .ref = result.ref,
            .manifest_digest = result.manifest_digest,
            .version = result.version,
            .notes = result.notes,
            .transfer = result.transfer};
}

oci::Json to_json(const ostree::Transfer& transfer) {
    return {{"way", transfer.way},
            {"bytes", transfer.bytes},
            {"requests", transfer.requests},
            {"layer_bytes", transfer.layer_bytes}};
}

ostree::Transfer parse_transfer(const oci::Json& json) {
    constexpr std::array<std::string_view, 5> kWays{"delta", "objects", "files", "layers", "none"};
    const std::string& name = oci::required_string(json, "way", kWhat);
    const auto* const way = std::find(kWays.begin(), kWays.end(), name);
    if (way == kWays.end()) throw Error(ErrorKind::invalid, concat(kWhat, ": unknown way ", quoted(name)));
    return {.way = *way,
            .bytes = oci::required_count(json, "bytes", kWhat),
            .requests = oci::required_count(json, "requests", kWhat),
            .layer_bytes = oci::required_count(json, "layer_bytes", kWhat)};
}

std::string to_text(const ImportAnswer& answer) {
    const oci::Json json{
        {"commit", answer.commit},   {"ref", answer.ref.text()}, {"manifest_digest", answer.manifest_digest},
        {"version", answer.version}, {"notes", answer.notes},    {"transfer", to_json(answer.transfer)}};
    return json.dump(-1, ' ', true, oci::Json::error_handler_t::replace);
}

ImportAnswer parse_import_answer(std::string_view text) {
    const oci::Json json = oci::parse_json(text, kWhat);
    ImportAnswer out{.commit = ostree::CommitId::parse(oci::required_string(json, "commit", kWhat)),
                     .ref = ostree::RefName::parse(oci::required_string(json, "ref", kWhat)),
                     .manifest_digest = oci::required_string(json, "manifest_digest", kWhat),
                     .version = oci::required_string(json, "version", kWhat),
                     .notes = oci::optional_strings(json, "notes", kMaxNotes, kWhat),
                     .transfer = parse_transfer(oci::member_or_null(json, "transfer"))};
    static_cast<void>(oci::Digest::parse(out.manifest_digest));
    for (std::string& note : out.notes) note = escape_rest(note, kMaxNote);
    return out;
}

}  // namespace osb::image
