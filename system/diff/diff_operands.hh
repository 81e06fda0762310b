// Turns the operands of a comparison into commits.
#pragma once

#include <optional>
#include <string>

#include "base/progress.hh"
#include "image/install/scratch_repository.hh"
#include "oci/transports/image.hh"
#include "ostree/import/import.hh"
#include "system/diff/diff.hh"

namespace osb::system {

// The operands of one comparison, and the repositories that hold their commits. Not thread-safe.
class DiffOperands {
  public:
    // `places` and `progress` are borrowed.
    DiffOperands(const DiffPlaces& places, Progress& progress) : places_(places), progress_(progress) {}
    DiffOperands(const DiffOperands&) = delete;
    DiffOperands& operator=(const DiffOperands&) = delete;
    ~DiffOperands() = default;

    // An operand, as far as it is resolved.
    struct Operand {
        std::string text;
        std::optional<oci::Image> image;       // of an image
        std::optional<ostree::DiffSide> side;  // borrows a repository of this object
    };

    // Opens an image, or finds the commit of another operand. Nothing is imported.
    Operand open(const std::string& text);
    // Imports the images among the two operands. After this, both have a side.
    void import_images(Operand& a, Operand& b);

  private:
    const ostree::Sysroot& sysroot();
    const ostree::Repository& repository();
    const ostree::Repository& sysroot_repository();
    ostree::DiffSide find_revision(const std::string& text);
    void make_scratch(const Operand& a, const Operand& b);
    void import(Operand& operand, ostree::Layout layout);

    const DiffPlaces& places_;
    Progress& progress_;
    std::optional<ostree::Sysroot> sysroot_;
    std::optional<ostree::Repository> sysroot_repository_;
    std::optional<ostree::Repository> repository_;
    std::optional<image::ScratchRepository> scratch_;
};

}  // namespace osb::system
