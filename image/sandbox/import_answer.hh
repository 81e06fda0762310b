// The part of an import's report that a process in the sandbox returns to the one that called it
// (base/sandboxed_call.hh).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "oci/documents/json.hh"
#include "ostree/import/fetch_plan.hh"
#include "ostree/import/import.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/ref_name.hh"

namespace osb::image {

struct ImportAnswer {
    ostree::CommitId commit;
    ostree::RefName ref;
    std::string manifest_digest;
    std::string version;             // "" for none
    std::vector<std::string> notes;  // escaped
    ostree::Transfer transfer;
};

ImportAnswer answer_of(const ostree::ImportResult& result);

// The answer as text.
std::string to_text(const ImportAnswer& answer);
// The answer from text that may be hostile. Throws Error{invalid, too_large}.
ImportAnswer parse_import_answer(std::string_view text);

// A transfer in another document.
oci::Json to_json(const ostree::Transfer& transfer);
ostree::Transfer parse_transfer(const oci::Json& json);

}  // namespace osb::image
