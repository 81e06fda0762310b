#include "image/lint/lint_image.hh"

#include <memory>
#include <optional>

#include "base/error.hh"
#include "base/log_mute.hh"
#include "image/install/scratch_repository.hh"
#include "image/lint/commit_tree.hh"
#include "ostree/import/image_metadata.hh"
#include "ostree/import/import.hh"

namespace osb::image {
namespace {

ostree::ImportResult import_as(ostree::Repository& repository, const oci::Image& image, ostree::Layout layout,
                               Progress& progress) {
    ostree::ImportOptions options;
    options.ref = ostree::RefName::parse(layout == ostree::Layout::plain ? "lint/plain" : "lint/bootable");
    options.layout = layout;
    options.parent = ostree::Parent::none;
    return ostree::import_image(repository, image, options, progress);
}

// True for errors about the content of the image. A blob that does not match its digest is not the content.
bool is_refusal(const Error& error) {
    return error.kind() == ErrorKind::invalid || error.kind() == ErrorKind::unsupported ||
           error.kind() == ErrorKind::too_large;
}

LintReport report_refusal(const Error& error, const SkippedChecks& skipped) {
    LintReport report;
    if (skipped.contains(kImportCheck)) throw Error(error);
    report.checks = 1;
    report.findings.push_back({.check = std::string(kImportCheck),
                               .severity = Severity::error,
                               .path = {},
                               .message = error.message(),
                               .fix = error.hint().empty()
                                          ? "change the file that the message names in the Containerfile"
                                          : error.hint()});
    return report;
}

}  // namespace

LintReport lint_image(const oci::Image& image, const SkippedChecks& skipped, Progress& progress) {
    ScratchRepository scratch("");
    ostree::Repository& repository = scratch.repository();
    const LogMute mute;  // the findings say the same as the warnings of import
    std::optional<ostree::ImportResult> plain;
    std::unique_ptr<CommitTree> deployed;
    try {
        plain = import_as(repository, image, ostree::Layout::plain, progress);
        // Only import knows how the layers of an image change the commit on which it is built.
        if (plain->base) {
            deployed = std::make_unique<CommitTree>(
                repository, import_as(repository, image, ostree::Layout::bootable, progress).commit);
        }
    } catch (const Error& error) {
        if (!is_refusal(error)) throw;
        return report_refusal(error, skipped);
    }
    const CommitTree tree(repository, plain->commit);
    return lint({.tree = tree,
                 .source = LintSource::image,
                 .deployed = deployed.get(),
                 .platform = image.config.platform,
                 .version = ostree::image_version(image),
                 .dropped = plain->dropped},
                skipped);
}

}  // namespace osb::image
