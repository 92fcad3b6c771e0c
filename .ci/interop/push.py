"""push.py HOST:PORT REPOSITORY TAG: pushes a tiny image and prints its reference by digest."""

import sys

from stores import Image, Remote

host, repository, tag = sys.argv[1:]
image = Image(f"{repository}:{tag}")
Remote(host).push(repository, image, tag)
print(f"{host}/{repository}@{image.digest}")
