// The output of `extension`, for people and for programs, and its part of `status` and of upgrades. External
// text is escaped for people.
#pragma once

#include <string>
#include <vector>

#include "cli/output/json_output.hh"
#include "system/extension/extension.hh"

namespace osb::cli {

std::string describe_added(const system::AddReport& report);
std::string added_document(const system::AddReport& report);

std::string describe_removed(const system::RemoveReport& report);
std::string removed_document(const system::RemoveReport& report);

std::string describe_merged(const system::MergeReport& report);
std::string merged_document(const system::MergeReport& report);

std::string describe_extensions(const std::vector<system::ExtensionStatus>& extensions);
std::string extensions_document(const std::vector<system::ExtensionStatus>& extensions);

// One line: "tools, debug (not merged: ...)"; "" if there are none.
std::string extensions_line(const std::vector<system::ExtensionStatus>& extensions);

// The array of docs/json.md.
OrderedJson extensions_to_json(const std::vector<system::ExtensionStatus>& extensions);
OrderedJson unfit_to_json(const std::vector<system::UnfitExtension>& extensions);

}  // namespace osb::cli
