#include "system/upgrade/image_packages.hh"

#include "ostree/tree/apk_database.hh"
#include "ostree/tree/packages.hh"
#include "system/upgrade/image_file.hh"

namespace osb::system {

ImagePackages find_packages(const ostree::Repository& repository, const oci::Image& image) {
    const WantedFile database{.names = ostree::kApkDatabases,
                              .start = "C:",
                              .limit = ostree::kMaxApkDatabase,
                              .what = "apk database"};
    const ImageFile file = find_image_file(repository, image, database);
    ImagePackages out{.packages = std::nullopt, .reason = file.reason, .bytes_read = file.bytes_read};
    if (file.content) out.packages = ostree::package_versions(*file.content);
    return out;
}

}  // namespace osb::system
