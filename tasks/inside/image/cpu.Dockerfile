# A small CPU image for laptops, CI and hosts without a GPU, with the contract of the GPU-Jupyter images: user jovyan
# (1000:100), work in /home/jovyan/work, tini and start.sh as entry point. Built by: deno task build --cpu
ARG BASE_IMAGE=debian:bookworm-slim
# Stage that the image's packages come from: "project" where the experiment installs itself, too.
ARG ENVIRONMENT=packages

FROM ${BASE_IMAGE} AS system
RUN apt-get update \
  && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    ca-certificates git python3 python3-venv sudo tini \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log

# In a stage of its own, since the wheels would otherwise stay in a layer of the image.
FROM system AS packages
# Folder of the task runner in what is sent to the engine, and the lock of the experiment's packages.
ARG PRODUCT=.
ARG REQUIREMENTS
RUN python3 -m venv /opt/venv
COPY ${PRODUCT}/tasks/inside/image/requirements.* ${PRODUCT}/tasks/inside/image/install_packages.py \
  ${PRODUCT}/tasks/inside/uv.txt ${PRODUCT}/wheelhouse* /packages/
COPY ${REQUIREMENTS} /packages/experiment/
# cache: /var/cache/wheels is kept from one build to the next by `deno task build`, where the builder can.
RUN \
  /opt/venv/bin/python /packages/install_packages.py --wheels /packages \
    --jupyter /packages/requirements /packages/experiment/* \
  && chmod -R g+rwX /opt/venv && find /opt/venv -type d -exec chmod g+s {} +

FROM system AS source
ARG PRODUCT=.
# context: `deno task build` mounts it where the builder can, so that the wheels in it are not copied.
COPY . /source/
# The tasks lie beside the project; what of it isn't there is left out.
RUN mkdir /product && cd "/source/${PRODUCT}" \
  && { cp -R tasks deno.json deno.lock CITATION.cff LICENSE /product 2>/dev/null || true; } \
  && cd /source && mkdir -p .experiment && touch .experiment/install.txt && mv .experiment/install.txt / \
  && rm -rf .experiment wheelhouse gpu-wheelhouse && chmod -R g+rwX,a+rX /source /product

FROM packages AS imports
ARG PRODUCT=.
ENV DENO_DIR=/opt/deno
# What the tasks import, from the context, so that a change of the code leaves it alone. By patterns, which need no match.
COPY ${PRODUCT}/deno.json ${PRODUCT}/deno.loc[k] ${PRODUCT}/tasks/inside/image/cache_imports.sh \
  ${PRODUCT}/wheelhous[e]/den[o] /imports/
RUN PATH=/opt/venv/bin:$PATH sh /imports/cache_imports.sh /imports

# The project itself, where the experiment installs it: from the folder in which the image has it.
FROM packages AS project
COPY --from=source /install.txt /packages/
COPY --from=source --chown=1000:100 /source /home/jovyan/work
RUN [ ! -s /packages/install.txt ] || { /opt/venv/bin/python /packages/install_packages.py --wheels /packages \
  --project /home/jovyan/work /packages/install.txt && chmod -R g+rwX /opt/venv; }

# Where it installs nothing, a change of the code leaves the packages alone.
FROM ${ENVIRONMENT} AS environment

FROM system
RUN useradd --uid 1000 --gid 100 --create-home --shell /bin/bash jovyan \
  && chmod 2775 /home/jovyan \
  && chmod a+rx /usr/bin/tini
COPY --from=environment --chown=0:100 /opt/venv /opt/venv
COPY --from=imports --chown=0:100 /opt/deno /opt/deno
ARG PRODUCT=.
COPY ${PRODUCT}/tasks/inside/image/start.sh ${PRODUCT}/tasks/inside/image/start-notebook.py \
  ${PRODUCT}/tasks/inside/image/healthcheck.py ${PRODUCT}/tasks/inside/image/experiment-task.sh /usr/local/bin/
ENV PATH=/opt/venv/bin:$PATH \
  HOME=/home/jovyan \
  LANG=C.UTF-8 \
  SHELL=/bin/bash \
  JUPYTER_PORT=8888 \
  DENO_DIR=/opt/deno \
  DENO_NO_UPDATE_CHECK=1
# `docker run IMAGE reproduce` runs that task, and so for the others.
RUN for task in gjt gpu-jupyter-tasks reproduce train infer notebook step verify report; do \
    ln -sf experiment-task.sh "/usr/local/bin/$task" || exit 1; done
COPY --from=source --chown=0:100 /product /opt/experiment
COPY --from=source --chown=1000:100 /source /home/jovyan/work
ARG IMAGE_NAME=experiment:cpu
# The tasks read the name: inside this image, the image is the environment. Login shells, which JupyterLab's terminals
# are, set their own PATH; git asks about a mounted folder that is another user's.
RUN echo "${IMAGE_NAME}" > /etc/experiment-image \
  && ln -s start-notebook.py /usr/local/bin/start-notebook.sh \
  && deno completions bash --dynamic > /usr/local/share/deno.bash \
  && echo '. /usr/local/share/deno.bash' >> /etc/bash.bashrc \
  && echo 'PATH=/opt/venv/bin:$PATH' > /etc/profile.d/venv.sh \
  && printf '[safe]\n\tdirectory = /home/jovyan/work\n' >> /etc/gitconfig \
  && chmod 2775 /home/jovyan/work /opt/venv /opt/deno
USER 1000
WORKDIR /home/jovyan/work
EXPOSE 8888
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["python", "/usr/local/bin/healthcheck.py"]
ENTRYPOINT ["tini", "-g", "--", "start.sh"]
CMD ["start-notebook.py"]
