# The experiment in GPU-Jupyter: the image's own packages stay as they are (torch fits its CUDA), what the experiment
# needs beside them is added. Built by: deno task build
ARG BASE_IMAGE

FROM ${BASE_IMAGE} AS source
USER root
ARG PRODUCT=.
# context: `deno task build` mounts it where the builder can, so that the wheels in it are not copied.
COPY . /source/
# The tasks lie beside the project; what of it isn't there is left out.
RUN mkdir /product && cd "/source/${PRODUCT}" \
  && { cp -R tasks deno.json deno.lock CITATION.cff LICENSE /product 2>/dev/null || true; } \
  && cd /source && mkdir -p .experiment && touch .experiment/install.txt && mv .experiment/install.txt / \
  && rm -rf .experiment wheelhouse gpu-wheelhouse && chmod -R g+rwX,a+rX /source /product

FROM ${BASE_IMAGE} AS packages
USER root
# Folder of the task runner in what is sent to the engine, the requirements of the experiment, and a folder with wheels
# in the first.
ARG PRODUCT=.
ARG REQUIREMENTS
ARG WHEELHOUSE=wheelhouse
COPY ${PRODUCT}/tasks/inside/image/gpu-requirements.txt ${PRODUCT}/tasks/inside/image/constrain.py ${PRODUCT}/${WHEELHOUSE}* \
  /tmp/packages/
COPY ${REQUIREMENTS} /tmp/packages/experiment/
# Group 100 may go on installing, as it may in the base image.
# cache: /var/cache/wheels is kept from one build to the next by `deno task build`, where the builder can.
RUN umask 002 \
  && python /tmp/packages/constrain.py --wheels /tmp/packages \
    /tmp/packages/experiment/* /tmp/packages/gpu-requirements.txt \
  && find "$(python -c 'import sys; print(sys.prefix)')" ! -group 100 -exec chgrp -h 100 {} + \
  && rm -rf /tmp/packages
ENV DENO_DIR=/opt/deno DENO_NO_UPDATE_CHECK=1

FROM packages AS imports
ARG PRODUCT=.
# What the tasks import, from the context, so that a change of the code leaves it alone. By patterns, which need no match.
COPY ${PRODUCT}/deno.json ${PRODUCT}/deno.loc[k] ${PRODUCT}/tasks/inside/image/cache_imports.sh \
  ${PRODUCT}/wheelhous[e]/den[o] /imports/
RUN sh /imports/cache_imports.sh /imports

FROM packages
COPY --from=imports --chown=0:100 /opt/deno /opt/deno
ARG PRODUCT=.
COPY ${PRODUCT}/tasks/inside/image/healthcheck.py ${PRODUCT}/tasks/inside/image/experiment-task.sh \
  ${PRODUCT}/tasks/inside/image/install_packages.py /usr/local/bin/
# `docker run IMAGE reproduce` runs that task, and so for the others.
RUN for task in gjt gpu-jupyter-tasks reproduce train infer notebook step verify report; do \
    ln -sf experiment-task.sh "/usr/local/bin/$task" || exit 1; done
COPY --from=source --chown=0:100 /product /opt/experiment
COPY --from=source --chown=1000:100 /source /home/jovyan/work
# The project itself, where the experiment installs it.
COPY --from=source /install.txt /tmp/
RUN umask 002 && python /usr/local/bin/install_packages.py --project /home/jovyan/work /tmp/install.txt \
  && rm /tmp/install.txt /usr/local/bin/install_packages.py
ARG IMAGE_NAME=experiment:gpu
# The tasks read the name: inside this image, the image is the environment. Git asks about a mounted folder that is
# another user's.
RUN echo "${IMAGE_NAME}" > /etc/experiment-image \
  && deno completions bash --dynamic > /usr/local/share/deno.bash \
  && echo '. /usr/local/share/deno.bash' >> /etc/bash.bashrc \
  && printf '[safe]\n\tdirectory = /home/jovyan/work\n' >> /etc/gitconfig \
  && chmod 2775 /home/jovyan/work /opt/deno
USER 1000
WORKDIR /home/jovyan/work
# The base's own check wants a Jupyter server, which a container that trains has not.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["python", "/usr/local/bin/healthcheck.py"]
