#!/usr/bin/env bash
# Sign the app of the bundle, have Apple notarize it, and pack it as a disk image.
#
#     RUNSHELF_CODESIGN_IDENTITY="Developer ID Application: …" RUNSHELF_NOTARY_PROFILE=name \
#         packaging/macos/sign_and_notarize.sh
#
# The identity is one of the keychain. The profile holds the account's secret there; it is made once with
# `xcrun notarytool store-credentials name`, so that no secret stands in a script or in the environment.
# Build before, with the same identity: `python3 start.py bundle` signs what it collects.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${RUNSHELF_CODESIGN_IDENTITY:?name the identity to sign with}"
: "${RUNSHELF_NOTARY_PROFILE:?name the profile of notarytool}"

app=dist/Runshelf.app
version=$(sed -n 's/^VERSION = "\(.*\)"/\1/p' storage/version.py)
image=dist/runshelf-$version.dmg

sign() {
    codesign --force --timestamp --options runtime --sign "$RUNSHELF_CODESIGN_IDENTITY" "$@"
}

# From the inside out: what a signature seals must not change afterwards.
find "$app/Contents" -type f \( -name '*.so' -o -name '*.dylib' \) -print0 | while IFS= read -r -d '' library; do
    sign "$library"
done
find "$app/Contents/MacOS" -type f -perm -u+x -print0 | while IFS= read -r -d '' program; do
    sign --entitlements packaging/macos/entitlements.plist "$program"
done
sign --entitlements packaging/macos/entitlements.plist "$app"
codesign --verify --deep --strict --verbose=2 "$app"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp -R "$app" "$folder/"
ln -s /Applications "$folder/Applications"
rm -f "$image"
hdiutil create -volname Runshelf -srcfolder "$folder" -format UDZO "$image"
sign "$image"
xcrun notarytool submit "$image" --keychain-profile "$RUNSHELF_NOTARY_PROFILE" --wait
xcrun stapler staple "$image"
spctl --assess --type open --context context:primary-signature --verbose "$image"
echo "Ready: $image"
