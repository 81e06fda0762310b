#include <array>

#include "base/log.hh"
#include "cli/options/verb.hh"

namespace osb::cli {

std::span<const VerbEntry* const> verbs() {
    static constexpr std::array kVerbs{
        &kImportVerb,        &kExportVerb,    &kPushVerb,     &kPullVerb,      &kSignVerb,
        &kVerifyVerb,        &kInspectVerb,   &kDiffVerb,     &kLintVerb,      &kUnionVerb,
        &kInstallToDiskVerb, &kStatusVerb,    &kUpgradeVerb,  &kSwitchVerb,    &kRollbackVerb,
        &kFactoryResetVerb,  &kKargsVerb,     &kPinVerb,      &kUnpinVerb,     &kCleanupVerb,
        &kUsrOverlayVerb,    &kExtensionVerb, &kBootMenuVerb, &kBootCheckVerb, &kMergeEtcVerb,
    };
    return kVerbs;
}

void Session::note(std::string_view text) const {
    log_info(std::string(text));
}

}  // namespace osb::cli
