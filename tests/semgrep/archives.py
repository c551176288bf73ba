import shutil
import zipfile

# ruleid: archive-unpacked-unfiltered
shutil.unpack_archive("data.tar.gz", "data")
# ok: archive-unpacked-unfiltered
shutil.unpack_archive("data.tar.gz", "data", filter="data")

# ruleid: zip-unpacked-unbounded
zipfile.ZipFile("data.zip").extractall("data")
with zipfile.ZipFile("data.zip") as archive:
    # ruleid: zip-unpacked-unbounded
    archive.extractall("data")
    # ok: zip-unpacked-unbounded
    archive.namelist()
